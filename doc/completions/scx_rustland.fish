# SPDX-License-Identifier: GPL-2.0-only
# Completion of scx_rustland(8) for fish.

function __scx_rustland_policies
    scx_rustland --list-policies 2>/dev/null | string replace -r '^(\S+)\s+' '$1\t'
end

complete -c scx_rustland -f
complete -c scx_rustland -s s -l slice-us -x -a '500 1000 5000 10000 20000' -d 'Longest time slice in microseconds'
complete -c scx_rustland -s S -l slice-us-min -x -a '500 1000 5000' -d 'Shortest time slice in microseconds'
complete -c scx_rustland -s l -l percpu-local -d 'Keep tasks on the CPU they last ran on'
complete -c scx_rustland -s n -l numa-local -d 'Look for idle CPUs in the task\'s NUMA node'
complete -c scx_rustland -s p -l partial -d 'Schedule only tasks of policy SCHED_EXT'
complete -c scx_rustland -l policy -r -F -a '(__scx_rustland_policies)' -d 'The policy that decides'
complete -c scx_rustland -l list-policies -d 'Show the policies there are and exit'
complete -c scx_rustland -l no-idle-fill -d 'Ask the policy even when a CPU is idle'
complete -c scx_rustland -l exit-dump-len -x -d 'Keep so many bytes of the kernel\'s debug dump'
complete -c scx_rustland -s v -l verbose -d 'Show what libbpf and the verifier say'
complete -c scx_rustland -l stats -x -a '0.5 1 2 5 10' -d 'Print statistics, every so many seconds'
complete -c scx_rustland -l monitor -x -a '0.5 1 2 5 10' -d 'Only print the statistics of the scheduler that runs'
complete -c scx_rustland -l json -d 'Print statistics as lines of JSON'
complete -c scx_rustland -l stats-socket -r -F -d 'Where statistics are offered, or looked for'
complete -c scx_rustland -l check -d 'Only say whether the command line and the policy are good'
complete -c scx_rustland -l help-stats -d 'Explain the statistics and exit'
complete -c scx_rustland -s V -l version -d 'Show the version and exit'
complete -c scx_rustland -s h -l help -d 'Show help and exit'
complete -c scx_rustland -l btf-custom-path -r -F -d 'Take the kernel\'s BTF from a file'
complete -c scx_rustland -l bpf-token-path -x -a '(__fish_complete_directories)' -d 'Make a BPF token from a BPF file system'
complete -c scx_rustland -l object-name -x -d 'Without effect'
complete -c scx_rustland -l pin-root-path -x -a '(__fish_complete_directories)' -d 'Without effect'
complete -c scx_rustland -l relaxed-maps -x -a 'true false' -d 'Without effect'
