# shellcheck shell=bash
# Sourced: an instance of the demo product, as a test's caller would configure one.

# Makes the instance in a folder, `demo-1` unless it is named: 1.0.0 customised, stopped and not adopted, 1.1.0 beside it. Sets INSTANCE, CONFIG_DIR,
# STATE_DIR, PACK_OLD and PACK_NEW.
# shellcheck disable=SC2034 # they are the caller's
make_demo_instance() { # DIR [NAME]
  local dir=$1 root port build
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  build=$root/tests/packs/build.py
  INSTANCE=${2:-demo-1} CONFIG_DIR=$dir/etc STATE_DIR=$dir/var
  PACK_OLD=$dir/packs/demo-server-1.0.0.tar.gz PACK_NEW=$dir/packs/demo-server-1.1.0.tar.gz
  mkdir -p "$dir/packs"
  python3 "$build" archive 1.0.0 "$PACK_OLD"
  python3 "$build" archive 1.1.0 "$PACK_NEW"
  tar -xzf "$PACK_OLD" -C "$dir"
  port=$("$root/tests/packs/ports.py")
  python3 "$build" customise "$dir/demo-server-1.0.0" --port "$port"
  mkdir -p "$CONFIG_DIR/instances.d"
  printf 'products: %s\n' "$root/templates/products" >"$CONFIG_DIR/pitstop.yaml"
  printf 'name: %s\nproduct: demo\nhome: %s\nvars: {port: %s}\n' "$INSTANCE" "$dir/demo-server-1.0.0" "$port" \
    >"$CONFIG_DIR/instances.d/$INSTANCE.yaml"
}
