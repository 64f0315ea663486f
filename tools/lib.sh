# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Helpers for the programs in this directory; sourced, never run.
#
# What it is for: saying what goes on, finding the cache, and making and entering "roots", which
# are Debian systems in a directory. Everything is compiled in one of them and QEMU runs out of it,
# so the machine underneath only has to be a Debian 12 or 13 with apt; its own compilers, its QEMU
# and its kernel do not matter.
#
# What it must never do: write outside the cache and out/ (installing mmdebstrap is the one
# exception, and it says so), name a mirror (apt's own configuration is asked for it), or change a
# root after it was made (root_exec throws away what a command writes into one).
#
# A root is described by tools/roots/NAME, a bash fragment that sets
#   root_about      what it is, for the message while it is made
#   root_seconds    about how long that takes
#   root_suites     Debian suites; the first is the base, the others add their packages to it
#   root_architectures   those that it can have packages of (default: amd64)
#   root_files      other files of the tree that it is made from
#   root_packages   packages to install, without what they only recommend (NAME/SUITE works)
# and may define
#   root_customize DIR   changes the finished root; runs on the outside

set -euo pipefail

# Roots, out/stage and the VM's files are read by all users of a system.
umask 022
# An ordinary user's PATH may lack chroot.
PATH=$PATH:/usr/sbin:/sbin
tool=${0##*/}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# Raise it when a change in this file makes existing roots wrong.
root_format=1

say() { printf '[%s] %s\n' "$tool" "$*" >&2; }
die() { say "$*"; exit 1; }
usage_error() { say "$* (try 'tools/$tool --help')"; exit 2; }

# The comment at the top of a program, between "usage:" and the first line that is no comment.
show_help() { sed -n '/^# usage:/,/^\([^#]\|$\)/{s/^# \{0,1\}//p}' "$0"; }

# ---- cleaning up --------------------------------------------------------------------------------

cleanups=()
at_exit() { cleanups+=("$1"); }
run_cleanups() {
	local status=$? i
	trap '' INT TERM HUP
	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do
		eval "${cleanups[i]}" || :
	done
	exit "$status"
}
trap run_cleanups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# ---- who and where we are -----------------------------------------------------------------------

# be_root "$@": an ordinary user goes on as root of a user namespace of their own, where what is
# written as root belongs to that user.
be_root() {
	((EUID == 0)) && return
	local why
	why="run it as root, or install uidmap and have a range of ids for $(id -un) in /etc/subuid"
	command -v newuidmap >/dev/null || die "not root: $why"
	unshare --user --map-root-user --map-auto --mount true 2>/dev/null || die "not root: $why"
	exec unshare --user --map-root-user --map-auto --mount -- "$0" "$@"
}

find_cache() {
	local base=${XDG_CACHE_HOME:-}
	if [[ -z $base ]]; then
		local home=${HOME:-}
		[[ -n $home ]] || home=$(getent passwd "$(id -u)" | cut -d: -f6) || :
		if [[ -n $home && -w $home ]]; then
			base=$home/.cache
		else
			base=/var/cache
		fi
	fi
	cache=${SCX_RUSTLAND_CACHE:-$base/scx-rustland}
	mkdir -p "$cache/roots" "$cache/log" 2>/dev/null ||
		die "cannot write to $cache; set SCX_RUSTLAND_CACHE to a directory with 4 GB free"
	cache=$(cd "$cache" && pwd -P)
}

# lock NAME [FILE]: one process at a time from here on, until unlock or the end of this program.
lock() {
	exec {lock_fd}>>"${2:-$cache/$1.lock}"
	flock -n "$lock_fd" && return
	say "waiting for another $1 that is under way"
	flock "$lock_fd"
}
unlock() { exec {lock_fd}>&-; }

# ---- the machine's own packages -----------------------------------------------------------------

# need_package PACKAGE [COMMAND...]: installs it unless `COMMAND` (default: command -v PACKAGE) says
# that it is there.
need_package() {
	local package=$1
	shift
	(($#)) || set -- command -v "$package"
	"$@" >/dev/null 2>&1 && return
	local command="apt-get install --no-install-recommends $package"
	if [[ ! -w /var/lib/dpkg ]] || ! command -v apt-get >/dev/null; then
		die "this machine lacks $package; as root, run: $command"
	fi
	say "installing $package on this machine ($command)"
	local log=$cache/log/apt.log
	{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
		--no-install-recommends "$package"; } >"$log" 2>&1 </dev/null || {
		tail -n 20 "$log" >&2
		die "could not install $package; the whole log is in $log"
	}
}

# The archive this machine installs Debian from: the site in apt's configuration that serves main
# and is not the security archive.
debian_site() {
	# shellcheck disable=SC2016 # apt expands it
	local format='$(SITE)|$(COMPONENT)|$(ORIGIN)|$(LABEL)' site
	site=${SCX_RUSTLAND_MIRROR:-}
	[[ -n $site ]] || site=$(apt-get indextargets --format "$format" 'Created-By: Packages' |
		awk -F'|' '$2 != "main" { next }
			!site && $3 == "Debian" && $4 ~ /^Debian( Backports)?$/ { site = $1 }
			!other && $1 !~ /security/ { other = $1 }
			END { print site ? site : other }')
	# Debian's cloud images keep the address in a list of its own.
	case $site in mirror+file:*)
		site=${site#mirror+file:}
		site=$(awk '/^[a-z]+:/ { print $1; exit }' "$site")
		;;
	esac
	[[ -n $site ]] ||
		die "apt knows no Debian archive here; name one in SCX_RUSTLAND_MIRROR"
	printf '%s\n' "${site%/}"
}

archive_keyring() {
	local file
	for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[[ ! -e $file ]] || { printf '%s\n' "$file"; return; }
	done
	return 1
}

# Debian 12 as first released has no key for trixie, 12.11 has: so newer is enough.
knows_trixie() { compgen -G '/usr/share/keyrings/debian-archive-trixie-stable.*' >/dev/null; }

# apt_sources SUITE...: lines for a sources.list.
apt_sources() {
	local site keyring suite
	site=$(debian_site)
	keyring=$(archive_keyring)
	for suite; do
		printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$site" "$suite"
		printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$site" "$suite"
	done
}

# How apt on this machine reaches that archive, as lines for an apt.conf: proxies, and what it was
# told about old or wrong dates. A program that finds the proxy is asked here, since a root lacks it.
apt_options() {
	local finder proxy
	printf '%s\n' 'Acquire::Languages "none";' 'APT::Sandbox::User "root";'
	apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv[46]|Check-[A-Za-z-]+)\b' |
		grep -v -E '""|Auto-?Detect' || :
	eval "$(apt-config shell finder Acquire::http::Proxy-Auto-Detect)"
	[[ -n ${finder:-} ]] || eval "$(apt-config shell finder Acquire::http::ProxyAutoDetect)"
	if [[ -n ${finder:-} ]]; then
		proxy=$("$finder" "$(debian_site)" 2>/dev/null) || proxy=
		[[ -z $proxy || $proxy == DIRECT ]] || printf 'Acquire::http::Proxy "%s";\n' "$proxy"
	fi
}

# ---- making a root ------------------------------------------------------------------------------

# root_define NAME: reads the definition; root_hash then names this version of it.
root_define() {
	root_suites=() root_architectures=(amd64) root_packages=() root_files=()
	root_about="the root $1" root_seconds=60
	unset -f root_customize
	# shellcheck source=/dev/null
	. "$top/tools/roots/$1"
	# A better comment is no reason to make it anew.
	root_hash=$(cd "$top" && echo "$root_format" |
		sed '/^[[:space:]]*#/d' - "tools/roots/$1" "${root_files[@]}" | sha256sum | cut -c1-12)
}

# root_bootstrap DIR: makes the root that root_define read last.
root_bootstrap() {
	local dir=$1 name=$2 log=$cache/log/root-$2.log option
	local -a options=() sources=()
	[[ $(dpkg --print-architecture 2>/dev/null) == amd64 ]] ||
		die "this works on Debian for amd64 only"
	need_package mmdebstrap
	need_package debian-archive-keyring knows_trixie
	say "making $root_about, about $root_seconds seconds, once ..."
	while IFS= read -r option; do options+=("--aptopt=$option"); done < <(apt_options)
	mapfile -t sources < <(apt_sources "${root_suites[@]}")
	SECONDS=0
	mmdebstrap --mode=root --variant=apt "${options[@]}" \
		--architectures="$(IFS=, && echo "${root_architectures[*]}")" \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--include="$(IFS=, && echo "${root_packages[*]}")" \
		"${root_suites[0]}" "$dir" "${sources[@]}" >"$log" 2>&1 </dev/null || {
		tail -n 20 "$log" >&2
		die "could not make $root_about; the whole log is in $log"
	}
	# What this machine's apt was told is for now; root_exec --network says it anew.
	rm -f "$dir"/etc/apt/apt.conf.d/99mmdebstrap "$dir"/etc/resolv.conf
	: >"$dir/etc/resolv.conf"
	: >"$dir/etc/apt/sources.list"
	if declare -F root_customize >/dev/null; then
		# In a job of its own, since behind "if" or "||" it would go on after an error.
		(trap - EXIT && set -x && root_customize "$dir") >>"$log" 2>&1 </dev/null &
		wait $! || {
			tail -n 20 "$log" >&2
			die "could not finish $root_about; the whole log is in $log"
		}
	fi
	say "made $root_about in $SECONDS s"
}

# use FILE: keeps remove_stale away from it for as long as this program and its children run.
use() {
	local fd
	touch -c "$1"
	exec {fd}<"$1"
	flock -s "$fd"
}

# remove_stale MINUTES FILE...: removes each FILE that nobody uses, nor has used for so long. Another
# checkout may have another definition of a root: then both stay.
remove_stale() {
	local minutes=$1 file fd
	shift
	for file; do
		[[ -e $file ]] || continue
		((minutes == 0)) || [[ -n $(find "$file" -maxdepth 0 -mmin "+$minutes") ]] || continue
		exec {fd}<"$file"
		if flock -n "$fd"; then rm -rf --one-file-system "$file"; fi
		exec {fd}<&-
	done
}

# replace NEW FILE: NEW becomes FILE, where those that use an old FILE keep it.
replace() {
	local old
	if [[ -e $2 ]]; then
		old=${2%/*}/.old-${2##*/}-$$
		mv -T "$2" "$old"
		mv -T "$1" "$2"
		remove_stale 0 "$old"
	else
		mv -T "$1" "$2"
	fi
}

# root_ensure NAME: makes the root unless it is there; root_path is where.
root_ensure() {
	local name=$1 tmp
	root_define "$name"
	root_path=$cache/roots/$name-$root_hash
	if [[ ! -d $root_path || -n ${root_refresh:-} ]]; then
		lock "root-$name"
		if [[ ! -d $root_path || -n ${root_refresh:-} ]]; then
			rm -rf --one-file-system "$cache/roots/.$name-"*
			tmp=$cache/roots/.$name-$$
			at_exit "rm -rf --one-file-system '$tmp'"
			root_bootstrap "$tmp" "$name"
			replace "$tmp" "$root_path"
			remove_stale 1440 "$cache/roots"/{,.old-}"$name"-*
		fi
		unlock
	fi
	use "$root_path"
}

# image_ensure NAME MB: the root as a disk image for a VM, with one partition; image_path is where.
# Its signature is what root=PARTUUID= names: several NVMe disks may come up in any order.
image_signature=5c5c5c01
image_ensure() {
	local name=$1 mb=$2 tmp
	root_ensure build
	root_define "$name"
	image_path=$cache/roots/$name-$root_hash.img
	if [[ ! -f $image_path || -n ${root_refresh:-} ]]; then
		lock "root-$name"
		if [[ ! -f $image_path || -n ${root_refresh:-} ]]; then
			rm -rf --one-file-system "$cache/roots/.$name-"*
			tmp=$cache/roots/.$name-$$
			at_exit "rm -rf --one-file-system '$tmp' '$tmp.img'"
			root_bootstrap "$tmp" "$name"
			make_image "$tmp" "$tmp.img" "$mb"
			rm -rf --one-file-system "$tmp"
			replace "$tmp.img" "$image_path"
			remove_stale 1440 "$cache/roots"/{,.old-}"$name"-*
		fi
		unlock
	fi
	use "$image_path"
}

make_image() {
	local dir=$1 image=$2 mb=$3 i sectors=$((($3 - 1) * 2048)) size=''
	for i in 0 8 16 24; do size+=$(printf '\\x%02x' $((sectors >> i & 255))); done
	rm -f "$image"
	{
		head -c 440 /dev/zero
		printf '%b\0\0' "\\x${image_signature:6:2}\\x${image_signature:4:2}\\x${image_signature:2:2}\\x${image_signature:0:2}"
		printf '%b' "\\0\\0\\0\\0\\x83\\0\\0\\0\\0\\x08\\0\\0$size"
		head -c 48 /dev/zero
		printf '%b' '\x55\xaa'
	} >"$image"
	truncate -s "${mb}M" "$image"
	root_run build --bind "${dir%/*}" /mnt -- mke2fs -q -t ext4 -O ^has_journal -m 0 \
		-E offset=1048576,lazy_itable_init=1,nodiscard -d "/mnt/${dir##*/}" \
		"/mnt/${image##*/}" "$((mb - 1))M"
}

# ---- running in a root --------------------------------------------------------------------------

# In a mount namespace of its own. Writes go to memory and are gone afterwards: the root stays clean.
root_inside() {
	local root=$1 upper=$2 dir=/ new=$2/root
	local -a env=() network=()
	shift 2
	mount -t tmpfs -o mode=755 scx-rustland "$upper"
	mkdir "$upper"/{up,work,root}
	mount -t overlay -o "lowerdir=$root,upperdir=$upper/up,workdir=$upper/work" overlay "$new"
	mount --rbind /proc "$new/proc"
	mount --rbind /sys "$new/sys"
	mount --rbind /dev "$new/dev"
	mount -t tmpfs -o mode=1777 tmp "$new/tmp"
	# An ordinary user's namespace may keep flags that it cannot see; then they stay writable.
	mount -o remount,bind,ro "$new/sys" 2>/dev/null || :
	mount -o remount,bind,ro "$new/dev" 2>/dev/null || :
	while (($#)); do
		case $1 in
		--bind)
			if [[ -d $2 ]]; then
				mkdir -p "$new$3"
			else
				mkdir -p "$new${3%/*}" && : >>"$new$3"
			fi
			mount --rbind "$2" "$new$3"
			shift 3
			;;
		--network)
			network=(http_proxy https_proxy no_proxy)
			printf '%s\n' "$2" >"$new/etc/resolv.conf"
			printf '%s\n' "$3" >"$new/etc/apt/sources.list"
			printf '%s\n' "$4" >"$new/etc/apt/apt.conf.d/99host"
			shift 4
			;;
		--env) env+=("$2") && shift 2 ;;
		--chdir) dir=$2 && shift 2 ;;
		--) shift && break ;;
		esac
	done
	local name
	for name in TERM CI SOURCE_DATE_EPOCH "${network[@]}"; do
		[[ -z ${!name:-} ]] || env+=("$name=${!name}")
	done
	exec chroot "$new" /usr/bin/env -i -C "$dir" HOME=/tmp LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin "${env[@]}" "$@"
}

# root_exec NAME [OPTION...] -- COMMAND...: becomes COMMAND, run in the root.
#   --bind SRC DST   SRC of this machine is DST there
#   --chdir DIR      where it starts
#   --env NAME=VALUE
#   --network        apt works, with this machine's mirror and the root's suites
#   --suite SUITE    the same with this suite instead; may be repeated
root_exec() {
	local name=$1 tmp
	local -a options=() suites=()
	shift
	root_refresh='' root_ensure "$name"
	tmp=$cache/mnt
	mkdir -p "$tmp"
	while [[ $1 != -- ]]; do
		case $1 in
		--bind) options+=("$1" "$2" "$3") && shift 3 ;;
		--chdir | --env) options+=("$1" "$2") && shift 2 ;;
		--network) suites+=("${root_suites[@]}") && shift ;;
		--suite) suites+=("$2") && shift 2 ;;
		*) die "root_exec: $1?" ;;
		esac
	done
	if ((${#suites[@]})); then
		options+=(--network "$(cat /etc/resolv.conf 2>/dev/null || :)"
			"$(apt_sources "${suites[@]}")" "$(apt_options)")
	fi
	unshare --mount --propagation private true 2>/dev/null ||
		die "cannot make a mount namespace here (a container without CAP_SYS_ADMIN?)"
	exec unshare --mount --propagation private -- bash -euc \
		"$(declare -f root_inside); root_inside \"\$@\"" root_inside \
		"$root_path" "$tmp" "${options[@]}" "$@"
}

# root_run: the same as a child; its exit status is COMMAND's.
root_run() { (trap - EXIT && root_exec "$@"); }

find_cache
