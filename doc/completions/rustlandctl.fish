# SPDX-License-Identifier: GPL-2.0-only
# Completion of rustlandctl(1) for fish.

function __rustlandctl_cookies
    rustlandctl list 2>/dev/null | string replace -rf '^ *(\d+) +(\S.*)' '$1\t$2'
end

function __rustlandctl_profiles
    rustlandctl profile 2>/dev/null | string sub -s 3
end

# What stands after "run" and its options is completed as if it stood alone.
function __rustlandctl_run_command
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -e words[1]
    argparse -s j/json h/help V/version -- $words 2>/dev/null
    set -e argv[1]
    argparse -s s/scope= r/reason= a/app-id= t/timeout= require j/json h/help -- $argv 2>/dev/null
    # An option of our own is being written.
    test (count $argv) -eq 0; and string match -q -- '-*' $last; and return
    set -l line (string join ' ' -- (string escape -- $argv) "$last")
    test -n "$line"; and complete "-C$line"
end

function __rustlandctl_on
    __fish_seen_subcommand_from $argv
end

complete -c rustlandctl -f
complete -c rustlandctl -s j -l json -d 'Print JSON, for programs'
complete -c rustlandctl -s h -l help -d 'Show help and exit'
complete -c rustlandctl -n __fish_use_subcommand -s V -l version -d 'Show the version and exit'

complete -c rustlandctl -n __fish_use_subcommand -a status -d 'What runs, why not, and who is boosted'
complete -c rustlandctl -n __fish_use_subcommand -a list -d 'The boosts that there are'
complete -c rustlandctl -n __fish_use_subcommand -a boost -d 'Boost a process that runs already'
complete -c rustlandctl -n __fish_use_subcommand -a release -d 'End boosts'
complete -c rustlandctl -n __fish_use_subcommand -a run -d 'Run a command that is boosted'
complete -c rustlandctl -n __fish_use_subcommand -a foreground -d 'Say what you are looking at'
complete -c rustlandctl -n __fish_use_subcommand -a profile -d 'Show the profiles, or choose one'
complete -c rustlandctl -n __fish_use_subcommand -a monitor -d 'Follow what happens'
complete -c rustlandctl -n __fish_use_subcommand -a stats -d 'The counters of the scheduler'
complete -c rustlandctl -n __fish_use_subcommand -a reload -d 'Read the configuration again'

complete -c rustlandctl -n '__rustlandctl_on boost run' -s s -l scope -x -a 'process tree cgroup' -d 'What to boost'
complete -c rustlandctl -n '__rustlandctl_on boost run' -s r -l reason -x -d 'Why'
complete -c rustlandctl -n '__rustlandctl_on boost run' -s a -l app-id -x -d 'The application'
complete -c rustlandctl -n '__rustlandctl_on boost run' -s t -l timeout -x -a '10 60 600 3600' -d 'End after so many seconds'
complete -c rustlandctl -n '__rustlandctl_on boost' -s l -l lifetime -x -a 'process client' -d 'With what it ends'
complete -c rustlandctl -n '__rustlandctl_on run' -l require -d 'Do not run the command without a boost'
complete -c rustlandctl -n '__rustlandctl_on run' -x -a '(__rustlandctl_run_command)'
complete -c rustlandctl -n '__rustlandctl_on foreground' -l cgroup -x -a '(__fish_complete_directories)' -d 'A control group instead of a process'
complete -c rustlandctl -n '__rustlandctl_on foreground' -l clear -d 'Nothing is in the foreground any more'
complete -c rustlandctl -n '__rustlandctl_on monitor' -s i -l interval -x -a '0 0.5 1 2 5 10' -d 'Seconds between statistics'
complete -c rustlandctl -n '__rustlandctl_on boost foreground' -x -a '(__fish_complete_pids)'
complete -c rustlandctl -n '__rustlandctl_on release' -x -a '(__rustlandctl_cookies)'
complete -c rustlandctl -n '__rustlandctl_on profile' -x -a '(__rustlandctl_profiles)'
