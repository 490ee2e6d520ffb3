# shellcheck shell=bash
# Sourced: several hosts for Ansible, each an sshd of its own on this machine with an instance of the demo product. They
# share the machine's name, so that each instance is called as its host.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/packs/instance.sh disable=SC1091
source "$here/../packs/instance.sh"
# shellcheck source=tests/ansible/controller.sh disable=SC1091
source "$here/controller.sh"
fleet_pids=() ssh_port="" sshd_pid="" # the latter two are set by start_sshd

# Makes the hosts h1 … hN and has every Ansible of this shell reach them. Each host's folder is WORK/<host>.
start_fleet() { # WORK VENV N
  local work=$1 number
  mkdir -p "$work/ssh/control"
  use_ansible_config "$work"
  install_collection "$work" "$2"
  {
    echo "fleet:"
    echo "  vars: {ansible_user: $(id -un), ansible_become: false}"
    echo "  hosts:"
    for ((number = 1; number <= $3; number++)); do start_host "$work" "h$number"; done
  } >"$work/inventory.yml"
}

start_host() { # WORK HOST; prints its part of the inventory
  local dir=$1/$2
  make_demo_instance "$dir" "$2"
  echo "source: $dir/packs" >>"$CONFIG_DIR/instances.d/$2.yaml"
  start_sshd "$dir/ssh" >&2
  fleet_pids+=("$sshd_pid")
  cat "$dir/ssh/known_hosts" >>"$1/ssh/known_hosts"
  cat <<HOST
    $2:
      ansible_host: 127.0.0.1
      ansible_port: $ssh_port
      ansible_ssh_private_key_file: $dir/ssh/user_key
      pitstop_config_dir: $CONFIG_DIR
      pitstop_state_dir: $STATE_DIR
      dir: $dir
      demo_port: $(sed -n 's/.*port: \([0-9]*\).*/\1/p' "$CONFIG_DIR/instances.d/$2.yaml")
HOST
}

# Ends the servers that run, as their own scripts do, and the hosts. Never fails: a trap calls it.
stop_fleet() { # WORK
  local home pid pids=() deadline=$((SECONDS + 20))
  for home in "$1"/h*/demo-server-*; do
    pid=$(cat "$home/server.pid" 2>/dev/null) || continue
    sh "$home/bin/stop.sh" >/dev/null || true
    pids+=("$pid")
  done
  # They only were asked, and write into the folder to the last.
  for pid in "${pids[@]}"; do
    while grep -qaF "$1/" "/proc/$pid/cmdline" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.05; done
  done
  sshd_pid=
  stop_controller "$1"
  [[ ${#fleet_pids[@]} == 0 ]] || { kill "${fleet_pids[@]}" && wait "${fleet_pids[@]}"; } 2>/dev/null || true
}
