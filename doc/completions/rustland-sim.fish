# SPDX-License-Identifier: GPL-2.0-only
# Completion of rustland-sim(1) for fish.

# Name and summary of each line in one section of the list (Policies, Workloads, Faults).
function __rustland_sim_list
    set -l section ''
    for line in (rustland-sim list 2>/dev/null)
        if string match -q -- '*:' $line
            set section $line
        else if test "$section" = "$argv[1]:"
            string replace -rf '^  (\S+)\s+' '$1\t' -- $line
        end
    end
end

# A list with commas between: what stands before the last one stays.
function __rustland_sim_faults
    set -l before (string replace -rf '^(.*,).*' '$1' -- (commandline -ct | string replace -r '^--faults=' ''))
    for fault in (__rustland_sim_list Faults)
        echo "$before$fault"
    end
end

# How many words there are so far that are neither options, nor their values, nor a command.
function __rustland_sim_operands
    set -l words (commandline -opc)
    set -e words[1]
    argparse -i cpus= llcs= smt hybrid numa= hz= kernel= timer-slack-us= costs= take-turns slice-us= slice-us-min= percpu-local numa-local \
        no-idle-fill seconds= seed= interleave boost= foreground= faults= trace= html= json seeds= runs= host-seconds= jobs= findings= \
        -- $words 2>/dev/null
    if contains -- "$argv[1]" run compare swarm
        set -e argv[1]
    end
    count $argv
end

function __rustland_sim_has
    __fish_seen_subcommand_from $argv
end

function __rustland_sim_runs
    not __rustland_sim_has swarm list
end

# The policy is what is missing.
function __rustland_sim_policy
    not __rustland_sim_has list; and test (__rustland_sim_operands) = 0
end

complete -c rustland-sim -f
complete -c rustland-sim -n 'not __rustland_sim_has run compare swarm list; and __rustland_sim_policy' -a run -d 'One policy, and report'
complete -c rustland-sim -n 'not __rustland_sim_has run compare swarm list; and __rustland_sim_policy' -a compare -d 'Several policies, side by side'
complete -c rustland-sim -n 'not __rustland_sim_has run compare swarm list; and __rustland_sim_policy' -a swarm -d 'Many runs, to find what should never happen'
complete -c rustland-sim -n 'not __rustland_sim_has run compare swarm list; and __rustland_sim_policy' -a list -d 'The policies, workloads and faults'
complete -c rustland-sim -n __rustland_sim_policy -a '(__rustland_sim_list Policies)'
complete -c rustland-sim -n '__rustland_sim_policy; and string match -q "*/*" -- (commandline -ct)' -a '(__fish_complete_suffix .so)'
complete -c rustland-sim -n '__rustland_sim_runs; and test (__rustland_sim_operands) = 1' -a '(__rustland_sim_list Workloads)'
complete -c rustland-sim -n '__rustland_sim_has compare; and test (__rustland_sim_operands) -gt 1' -a '(__rustland_sim_list Workloads)'
complete -c rustland-sim -n '__rustland_sim_has compare; and test (__rustland_sim_operands) -gt 0' -a '(__rustland_sim_list Policies)'
complete -c rustland-sim -n '__rustland_sim_runs; and string match -q "*/*" -- (commandline -ct)' -a '(__fish_complete_suffix .json)'

complete -c rustland-sim -n __rustland_sim_runs -l cpus -x -a '1 2 4 8 16 32 64 128' -d 'How many CPUs'
complete -c rustland-sim -n __rustland_sim_runs -l llcs -x -d 'Last-level caches'
complete -c rustland-sim -n __rustland_sim_runs -l smt -d 'Two CPUs are one core'
complete -c rustland-sim -n __rustland_sim_runs -l hybrid -d 'The second half of the CPUs are slower'
complete -c rustland-sim -n __rustland_sim_runs -l numa -x -d 'NUMA nodes'
complete -c rustland-sim -n __rustland_sim_runs -l hz -x -a '100 250 300 1000' -d 'Ticks a second'
complete -c rustland-sim -n __rustland_sim_runs -l kernel -x -a '6.12 7.3' -d 'The kernel that is modelled'
complete -c rustland-sim -n __rustland_sim_runs -l timer-slack-us -x -a '0 50' -d 'How late sleeps end, in microseconds'
complete -c rustland-sim -n __rustland_sim_runs -l costs -r -F -d 'What operations cost'
complete -c rustland-sim -n __rustland_sim_runs -l take-turns -d 'All CPUs share the speed of one'
complete -c rustland-sim -n __rustland_sim_runs -l slice-us -x -a '500 1000 5000 10000 20000' -d 'Longest time slice in microseconds'
complete -c rustland-sim -n __rustland_sim_runs -l slice-us-min -x -a '500 1000 5000' -d 'Shortest time slice in microseconds'
complete -c rustland-sim -n __rustland_sim_runs -l percpu-local -d 'Keep tasks on the CPU they last ran on'
complete -c rustland-sim -n __rustland_sim_runs -l numa-local -d 'Look for idle CPUs in the task\'s NUMA node'
complete -c rustland-sim -n __rustland_sim_runs -l no-idle-fill -d 'Ask the policy even when a CPU is idle'
complete -c rustland-sim -n __rustland_sim_runs -l seconds -x -a '1 10 60' -d 'How long it is measured'
complete -c rustland-sim -n __rustland_sim_runs -l interleave -d 'CPUs come in between steps of kernel work, too'
complete -c rustland-sim -n __rustland_sim_runs -l boost -x -d 'Tasks of these names are boosted'
complete -c rustland-sim -n __rustland_sim_runs -l foreground -x -d 'Tasks of these names are in the foreground'
complete -c rustland-sim -n __rustland_sim_runs -l faults -x -a '(__rustland_sim_faults)' -d 'What goes wrong on purpose'
complete -c rustland-sim -n '__rustland_sim_runs; and not __rustland_sim_has compare' -l trace -r -F -d 'Write what happens, for Perfetto'
complete -c rustland-sim -n __rustland_sim_runs -l html -r -F -d 'Write a page for a browser'
complete -c rustland-sim -n '__rustland_sim_runs; and not __rustland_sim_has compare' -l json -d 'Print a JSON object'
complete -c rustland-sim -n 'not __rustland_sim_has list' -l seed -x -d 'Of all that is random'
complete -c rustland-sim -n 'not __rustland_sim_has run swarm list' -l seeds -x -d 'Runs of each policy in a comparison'
complete -c rustland-sim -n 'not __rustland_sim_has run compare list' -l runs -x -d 'Make so many runs'
complete -c rustland-sim -n 'not __rustland_sim_has run compare list' -l host-seconds -x -d 'Or for so long'
complete -c rustland-sim -n 'not __rustland_sim_has run compare list' -l jobs -x -d 'So many at the same time'
complete -c rustland-sim -n 'not __rustland_sim_has run compare list' -l findings -x -d 'End after so many'
complete -c rustland-sim -l help -d 'Show help and exit'
complete -c rustland-sim -l version -d 'Show the version and exit'
