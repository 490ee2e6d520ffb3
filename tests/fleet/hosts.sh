#!/usr/bin/env bash
# Booted Debian hosts for the tests: real systemd and sshd in namespaces of this machine, on a network of their own.
#   hosts.sh can            whether this machine can have them; prints why not and ends with 77
#   hosts.sh mirror         print where packages come from
#   hosts.sh base           build the common root file system once
#   hosts.sh layer LAYER    build once what some hosts have beyond it: java, puppet, puppetserver, balancer
#   hosts.sh up N [LAYER]   boot h1 … hN and wait until each greets on its ssh port
#   hosts.sh exec HOST CMD… run a command inside, without ssh
#   hosts.sh ssh HOST CMD…  the same through ssh
#   hosts.sh address HOST   print its address
#   hosts.sh crash HOST     kill it at once; what it wrote stays
#   hosts.sh boot HOST [LAYER]   boot it again, or one more
#   hosts.sh down           stop and remove every host
# FLEET_BIND_RO=/a:/b     folders of this machine that the hosts see, read-only, at the same path
# FLEET_NAME=pst          prefix of network devices and control groups, at most 6 characters: two fleets can coexist
# FLEET_NET=10.78.0       the fleet's /24
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
name=${FLEET_NAME:-pst}
net=${FLEET_NET:-10.78.0}
cache=$root/.cache/fleet
base=$cache/base-2                       # count up when the recipe below changes
state=$cache/$name
bridge=${name}br0
release=bookworm
readonly base_packages=systemd,systemd-sysv,dbus,iproute2,openssh-server,python3,python3-apt,procps,sudo
boot_seconds=180                         # a limit for what hangs, also on a busy machine

die() { echo "hosts.sh: $*" >&2; exit 1; }
number() { [[ $1 =~ ^h([1-9][0-9]?)$ ]] || die "not a host: $1 (h1 to h99)"; echo "${BASH_REMATCH[1]}"; }
address() { echo "$net.$((10 + $(number "$1")))"; }
hosts() { find "$state" -mindepth 1 -maxdepth 1 -type d -name 'h[0-9]*' -printf '%f\n' 2>/dev/null | sort -V; }

# The container's own process; proven by its name, so that a stale file does no harm.
nspawn_pid() {
  local pid
  pid=$(cat "$state/$1/pid" 2>/dev/null) || return 1
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == systemd-nspawn ]] && echo "$pid"
}

# PID 1 of the host, as this machine numbers it.
leader() {
  local pid
  pid=$(nspawn_pid "$1") || return 1
  awk '{ print $1 }' "/proc/$pid/task/$pid/children"
}

control_groups() {
  local at
  for at in /sys/fs/cgroup /sys/fs/cgroup/*; do
    if [[ -f $at/cgroup.procs ]]; then echo "$at"; fi
  done
}

# Every process of every host, as this machine numbers them.
members() {
  local group
  for group in $(control_groups); do
    if [[ -d $group/$name ]]; then find "$group/$name" -name cgroup.procs -exec cat {} + 2>/dev/null || true; fi
  done | sort -u
}

# Where apt gets its packages from, so that its proxies and certificates serve us, too.
mirror() {
  local uri
  # shellcheck disable=SC2016   # apt expands it
  uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  uri=${uri:-http://deb.debian.org/debian}
  echo "${uri%/}"
}

mirror_answers() {
  local to code=0
  to=$(mktemp -d)
  timeout 60 /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file \
    "$(mirror)/dists/$release/Release" "$to/Release" >/dev/null 2>&1 || code=1
  rm -rf "$to"
  return $code
}

can() {
  local tool reason=
  [[ $(id -u) == 0 ]] || reason="booted test hosts need root"
  for tool in systemd-nspawn mmdebstrap ip nsenter ssh-keygen; do
    command -v "$tool" >/dev/null || reason=${reason:-"$tool is not installed (tests/setup.sh installs it)"}
  done
  if [[ -z $reason ]]; then
    local try=$cache/try.$$
    mkdir -p "$try"/{low,up,work,at}
    mount -t overlay try -o "lowerdir=$try/low,upperdir=$try/up,workdir=$try/work,redirect_dir=on" "$try/at" 2>/dev/null ||
      reason="overlayfs cannot be mounted under $cache"
    umount "$try/at" 2>/dev/null || true
    rm -rf "$try"
    if ip netns add "$name-try-$$" 2>/dev/null; then ip netns del "$name-try-$$"; else
      reason=${reason:-"network namespaces cannot be made here"}
    fi
  fi
  if [[ -z $reason && ! -f $base/.complete ]]; then
    mirror_answers || reason="the package mirror $(mirror) cannot be reached, and no base is built yet"
  fi
  [[ -z $reason ]] || { echo "skipped: $reason"; exit 77; }
}

build_base() {
  [[ -f $base/.complete ]] && return 0
  mkdir -p "$cache"
  exec 8>"$cache/base.lock"
  flock 8                                # two fleets may want it at once
  [[ -f $base/.complete ]] && { exec 8>&-; return 0; }
  rm -rf --one-file-system "$base"
  local unit
  # In a mount namespace of its own: what it mounts goes with it, also if it is killed.
  unshare --mount -- mmdebstrap --quiet --variant=minbase --include="$base_packages" "$release" "$base" "$(mirror)"
  # Nothing that would keep the boot waiting or run by itself.
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer console-getty.service getty@tty1.service systemd-networkd.service systemd-resolved.service \
    systemd-timesyncd.service systemd-firstboot.service systemd-update-utmp.service; do
    ln -sfn /dev/null "$base/etc/systemd/system/$unit"
  done
  printf '%s\n' 'UseDNS no' 'PermitRootLogin prohibit-password' 'PasswordAuthentication no' \
    'HostKey /etc/ssh/ssh_host_ed25519_key' 'MaxStartups 100:30:200' >"$base/etc/ssh/sshd_config.d/fleet.conf"
  rm -f "$base"/etc/ssh/ssh_host_* "$base/etc/machine-id" "$base/etc/hostname"
  chroot "$base" useradd -m -s /bin/bash ops
  echo 'ops ALL=(ALL) NOPASSWD: ALL' >"$base/etc/sudoers.d/ops"
  touch "$base/.complete"
  exec 8>&-
}

# Above what a layer stands, and which packages it adds. With puppetserver comes the Java that it needs.
recipe() {
  case $1 in
    java) echo "- openjdk-17-jre-headless" ;;
    puppet) echo "java puppet-agent" ;;
    puppetserver) echo "puppet puppetserver" ;;
    balancer) echo "- haproxy socat" ;;
    *) die "no such layer: $1" ;;
  esac
}

layer_at() { echo "$base.$1"; }

# The trees below a host of this layer, the topmost first, as overlayfs wants them.
trees() {
  local below
  [[ $1 != - ]] || { echo "$base"; return; }
  read -r below _ < <(recipe "$1")
  echo "$(layer_at "$1")/tree:$(trees "$below")"
}

build_layer() {
  local layer=$1 at below packages lock
  at=$(layer_at "$layer")
  [[ ! -f $at/.complete ]] || return 0
  read -r below packages < <(recipe "$layer")
  if [[ $below == - ]]; then build_base; else build_layer "$below"; fi
  exec {lock}>"$at.lock"
  flock "$lock"
  [[ ! -f $at/.complete ]] || { exec {lock}>&-; return 0; }
  rm -rf --one-file-system "$at"
  mkdir -p "$at"/{tree,work,root}
  # A mount of its own namespace: whatever ends this, it goes with it.
  # shellcheck disable=SC2086   # they are several
  if ! unshare --mount --fork --pid --kill-child -- bash -euc "$layer_builder" builder "$at" "$(trees "$below")" $packages \
    >"$at.log" 2>&1; then
    tail -n 20 "$at.log" >&2
    die "the layer $layer cannot be built, see $at.log"
  fi
  rm -rf "$at"/{work,root}
  touch "$at/.complete"
  exec {lock}>&-
}

# This machine's apt works on the layer's tree, as mmdebstrap has it: with its proxies and certificates.
# shellcheck disable=SC2016
layer_builder='
  at=$1 lower=$2; shift 2
  mount --make-rprivate /
  mount -t overlay layer -o "lowerdir=$lower,upperdir=$at/tree,workdir=$at/work,redirect_dir=on" "$at/root"
  mount -t proc proc "$at/root/proc"
  mount -t tmpfs tmpfs "$at/root/tmp"
  printf "#!/bin/sh\nexit 101\n" >"$at/root/usr/sbin/policy-rc.d"
  chmod +x "$at/root/usr/sbin/policy-rc.d"
  units() { find "$at/root/etc/systemd/system" -path "*.wants/*" -printf "%f\n" | sort -u; }
  before=$(units)
  export DEBIAN_FRONTEND=noninteractive
  apt() {
    apt-get -qq -y --no-install-recommends -o Dir="$at/root" -o Dir::Etc::Parts=/etc/apt/apt.conf.d -o DPkg::Chroot-Directory="$at/root" \
      -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@"
  }
  apt update
  apt install "$@"
  apt clean
  # Whoever wants one of them starts it.
  for unit in $(comm -13 <(echo "$before") <(units)); do find "$at/root/etc/systemd/system" -path "*.wants/$unit" -delete; done
  rm -rf "$at"/root/var/lib/apt/lists/* "$at/root/usr/sbin/policy-rc.d"
  umount "$at/root/tmp" "$at/root/proc" "$at/root"'

network_up() {
  ip link show "$bridge" >/dev/null 2>&1 && return 0
  ip link add "$bridge" type bridge forward_delay 0 stp_state 0
  ip addr add "$net.1/24" dev "$bridge"
  ip link set "$bridge" up
}

# What makes a host itself: its own writable layer, keys, names.
make_host() {
  local host=$1 at=$state/$1 up=$state/$1/upper user i
  [[ -d $at ]] && return 0
  mkdir -p "$at"/{work,root} "$up"/etc/ssh "$up"/root/.ssh "$up"/home/ops/.ssh
  echo "${2:--}" >"$at/layer"
  echo "$host" >"$up/etc/hostname"
  printf '%032x\n' $((0x57000000 + $(number "$host"))) >"$up/etc/machine-id"
  ssh-keygen -q -t ed25519 -N '' -C "$host" -f "$up/etc/ssh/ssh_host_ed25519_key"
  for user in root home/ops; do
    cp "$state/key.pub" "$up/$user/.ssh/authorized_keys"
    chmod 700 "$up/$user" "$up/$user/.ssh"
  done
  chown -R "$(awk -F: '$1 == "ops" { print $3 ":" $4 }' "$base/etc/passwd")" "$up/home/ops"
  { echo "127.0.0.1 localhost"; for i in $(seq 1 99); do echo "$net.$((10 + i)) h$i"; done; } >"$up/etc/hosts"
  echo "$(address "$host"),$host $(cut -d' ' -f1,2 "$up/etc/ssh/ssh_host_ed25519_key.pub")" >"$at/known_host"
  cat "$state"/h*/known_host >"$state/known_hosts"
}

# The namespace exists before the boot: its link then has an address without a network service inside.
plug_in() {
  local host=$1 space=$name-$1 link
  link=${name}v$(number "$host")
  [[ -e /run/netns/$space ]] && return 0
  ip netns add "$space"
  ip link add "$link" type veth peer name host0 netns "$space"
  ip link set "$link" master "$bridge" up
  ip -n "$space" link set lo up
  ip -n "$space" addr add "$(address "$host")/24" dev host0
  ip -n "$space" link set host0 up
}

# Runs in the background as the host's parent, without the lock (9) of the run that boots it. Each host has its own control
# group in every hierarchy: otherwise all of them would share one, and stopping a unit of one could hit the others.
# shellcheck disable=SC2016
launcher='
  at=$1 groups=$2 own=$3; shift 3
  for group in $groups; do
    mkdir -p "$group/$own" 2>/dev/null || continue
    if [ -f "$group/cpuset.mems" ]; then       # an empty set takes no process
      for file in cpuset.cpus cpuset.mems; do
        for of in "$group/${own%/*}" "$group/$own"; do cat "$group/$file" >"$of/$file" 2>/dev/null; done
      done
    fi
    echo $$ >"$group/$own/cgroup.procs" 2>/dev/null
  done
  while :; do
    "$@" & echo $! >"$at/pid.new"; mv "$at/pid.new" "$at/pid"
    code=0; wait $! || code=$?
    [ $code = 133 ] || exit $code              # 133: the host wants to boot again
  done'

launch() {
  local host=$1 at=$state/$1 bound=() folder
  make_host "$host" "${2:-}"
  # redirect_dir: directories of the base can be renamed.
  mountpoint -q "$at/root" || mount -t overlay "$name-$host" \
    -o "lowerdir=$(trees "$(<"$at/layer")"),upperdir=$at/upper,workdir=$at/work,redirect_dir=on" "$at/root"
  plug_in "$host"
  rm -f "$at/pid"
  IFS=: read -ra folders <<<"${FLEET_BIND_RO:-}"
  for folder in "${folders[@]}"; do [[ -n $folder ]] && bound+=("--bind-ro=$folder"); done
  setsid bash -c "$launcher" launcher "$at" "$(control_groups | tr '\n' ' ')" "$name/$host" \
    env SYSTEMD_NSPAWN_LOCK=0 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 \
    systemd-nspawn --quiet --directory="$at/root" --boot --register=no --keep-unit --machine="$name-$host" \
    --hostname="$host" --network-namespace-path="/run/netns/$name-$host" --resolv-conf=off --timezone=off \
    --link-journal=no --console=read-only ${bound[@]+"${bound[@]}"} </dev/null >"$at/console.log" 2>&1 9>&- &
  disown
}

wait_until_greeting() {
  local host=$1 end=$((SECONDS + boot_seconds))
  until timeout 1 bash -c "exec 3<>/dev/tcp/$(address "$host")/22 && head -c 4 <&3 | grep -q SSH-" 2>/dev/null; do
    if ((SECONDS >= end)); then
      tail -n 20 "$state/$host/console.log" >&2
      die "$host did not greet within $boot_seconds s"
    fi
    sleep 0.05
  done
}

crash() {
  local pid init parent
  pid=$(nspawn_pid "$1") || return 0
  # Its parent would take some ends for a reboot and boot it again.
  parent=$(awk '{ print $4 }' "/proc/$pid/stat")
  [[ $parent -le 1 ]] || kill -KILL "$parent" 2>/dev/null || true
  init=$(leader "$1") && kill -KILL "$init"
  while [[ -d /proc/$pid ]]; do sleep 0.05; done
  rm -f "$state/$1/pid"
}

down() {
  local host try space link group
  for host in $(hosts); do crash "$host" & done
  wait
  # What outlived a container's process that somebody else has killed.
  for try in 1 2 3 4 5; do
    members | xargs -r kill -KILL 2>/dev/null || true
    [[ -n $(members) ]] || break
    sleep "0.$try"
  done
  for host in $(hosts); do
    for try in 1 2 3 4 5; do
      mountpoint -q "$state/$host/root" || break
      umount "$state/$host/root" 2>/dev/null || sleep "0.$try"
    done
    if mountpoint -q "$state/$host/root"; then umount --lazy "$state/$host/root"; fi
  done
  for space in $(ip netns list | awk -v own="^$name-h[0-9]" '$1 ~ own { print $1 }'); do ip netns del "$space"; done
  for link in $(ip -o link show type veth | awk -F'[ :@]+' -v own="^${name}v[0-9]" '$2 ~ own { print $2 }'); do
    ip link del "$link" 2>/dev/null || true     # may have gone with its namespace
  done
  if ip link show "$bridge" >/dev/null 2>&1; then ip link del "$bridge"; fi
  for group in $(control_groups); do
    if [[ -d $group/$name ]]; then find "$group/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
  done
  rm -rf --one-file-system "$state"
}

enter() {
  local init
  init=$(leader "$1") || die "$1 does not run"
  shift
  exec nsenter -t "$init" -m -u -i -n -p -C -r -w -- /usr/bin/env -i HOME=/root \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
}

ready_for() { # [LAYER]
  if [[ -n $1 ]]; then build_layer "$1"; else build_base; fi
  mkdir -p "$state"
  [[ -f $state/key ]] || ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$state/key"
  network_up
}

verb=${1:-}
[[ -z $verb ]] || shift
case $verb in
  can) can ;;
  mirror) mirror ;;
  base) build_base ;;
  layer) build_layer "${1:?which layer}" ;;
  up)
    count=${1:?how many hosts}
    ready_for "${2:-}"
    for i in $(seq 1 "$count"); do nspawn_pid "h$i" >/dev/null || launch "h$i" "${2:-}"; done
    for i in $(seq 1 "$count"); do wait_until_greeting "h$i"; done
    ;;
  exec) enter "$@" ;;
  ssh)
    host=$1
    shift
    exec ssh -i "$state/key" -o UserKnownHostsFile="$state/known_hosts" -o StrictHostKeyChecking=yes \
      -o BatchMode=yes -o ConnectTimeout=5 -o LogLevel=ERROR "${FLEET_USER:-root}@$(address "$host")" "$@"
    ;;
  address) address "$1" ;;
  crash) crash "$1" ;;
  boot)
    ready_for "${2:-}"
    nspawn_pid "$1" >/dev/null || launch "$1" "${2:-}"
    wait_until_greeting "$1"
    ;;
  down) down ;;
  *) sed -n '2,15p' "$0"; exit 2 ;;
esac
