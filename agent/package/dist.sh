#!/usr/bin/env bash
# Makes what others install, in dist/. The same program is packed to the same bytes again.
#   dist.sh              everything
#   dist.sh PART…        only these: binary packages collection module sbom sums
# DIST_BINARY=FILE       pack this binary as that of this machine's architecture, instead of building any
# DIST_OUT=FOLDER        another folder than dist/
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(realpath -m "${DIST_OUT:-$root/dist}")
DIST_BINARY=${DIST_BINARY:+$(realpath "$DIST_BINARY")}
cd "$root"
here=$root/agent/package
cache=$root/.cache
stage=$cache/dist                          # Cargo.toml names it
readonly glibc=2.28                        # RHEL 8, Debian 10 and whatever came after; the first with renameat2
readonly cargo_deb=3.8.0 cargo_generate_rpm=0.21.1 cargo_cyclonedx=0.5.9
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} CARGO_TERM_COLOR=never LC_ALL=C.UTF-8 TZ=UTC
umask 022

die() { echo "dist.sh: $*" >&2; exit 1; }

# A cargo tool of one version, built once. Not optimised: it works for a second, and the build would take minutes.
tool() {
  local name=$1 version=$2
  if ! grep -qsF "\"$name $version " "$cache/.crates2.json"; then
    CARGO_PROFILE_DEV_DEBUG=0 cargo install "$name" --version "=$version" --locked --debug --root "$cache" --quiet ||
      die "cannot build $name"
  fi
  echo "$cache/bin/$name"
}

# Where zig and its wrapper for cargo are.
zig() {
  local key venv
  key=$({ python3 --version; cat "$here/requirements.txt"; } | sha256sum | cut -c1-12)
  venv=$cache/zig-$key
  if [[ ! -f $venv/.complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt" >&2
    touch "$venv/.complete"
  fi
  echo "$venv/bin"
}

# Each target that the toolchain has a standard library for; the first is this machine's.
targets() {
  local arch target
  for arch in "$(uname -m)" $([[ $(uname -m) == x86_64 ]] && echo aarch64 || echo x86_64); do
    target=$arch-unknown-linux-gnu
    if [[ -n $(find "$(rustc --print target-libdir --target "$target")" -name 'libstd-*' -print -quit 2>/dev/null) ]]; then
      echo "$target"
    else
      echo "dist.sh: no binary for $target: \`rustup target add $target\` installs what it needs" >&2
    fi
  done
}

# Whether a binary runs wherever that glibc or a newer one is, and tells nothing of where it was built.
portable() {
  local file=$1 newest needs
  newest=$(readelf -VW "$file" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
  [[ -n $newest ]] || die "$file: readelf shows no version of glibc"
  [[ $(printf '%s\n' "$newest" "GLIBC_$glibc" | sort -V | tail -n 1) == "GLIBC_$glibc" ]] ||
    die "$file needs $newest, promised is GLIBC_$glibc"
  needs=$(readelf -dW "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(lib(c|m|dl|pthread|rt)|ld-linux.*)\.so\.[0-9]+$' || true)
  [[ -z $needs ]] || die "$file needs libraries that a host may not have: $needs"
  if grep -aqF -e "$root" -e "${CARGO_HOME:-$HOME/.cargo}/" "$file"; then die "$file holds paths of this machine"; fi
  echo "$file: $newest or newer, needs nothing but glibc"
}

binary() {
  local target built path from=${CARGO_HOME:-$HOME/.cargo}
  mkdir -p "$out"
  if [[ -n $DIST_BINARY ]]; then
    portable "$DIST_BINARY"
    install -m 755 "$DIST_BINARY" "$out/pitstop-$version-linux-$(uname -m)"
    return
  fi
  path=$(zig)
  for target in $(targets); do
    PATH=$path:$PATH RUSTFLAGS="--remap-path-prefix=$from=/cargo --remap-path-prefix=$root=/pitstop" \
      CFLAGS="-ffile-prefix-map=$from=/cargo -ffile-prefix-map=$root=/pitstop" \
      cargo zigbuild --quiet --release --locked --target "$target.$glibc" || die "cannot build for $target"
    built=${CARGO_TARGET_DIR:-$root/target}/$target/release/pitstop
    portable "$built"
    install -m 755 "$built" "$out/pitstop-$version-linux-${target%%-*}"
  done
}

# Lays out what the packages hold, as on a host. What the program writes about itself comes from the one that this
# machine can run.
lay_out() {
  local binary=$1 own=$2 page
  local man=$stage/doc/usr/share/man/man1 doc=$stage/doc/usr/share/doc/pitstop unit=$stage/file/usr/lib/systemd/system
  local completions=$stage/file/usr/share
  rm -rf "$stage"
  mkdir -p "$man" "$doc" "$unit" "$completions"/{bash-completion/completions,fish/vendor_completions.d} \
    "$stage"/{program/usr/bin,program/usr/lib/pitstop,file/usr/lib/tmpfiles.d,file/usr/lib/sysusers.d}
  install "$binary" "$stage/program/usr/bin/pitstop"
  install "$here/check-all.sh" "$stage/program/usr/lib/pitstop/check-all"
  cp "$here/tmpfiles.conf" "$stage/file/usr/lib/tmpfiles.d/pitstop.conf"
  cp "$here/sysusers.conf" "$stage/file/usr/lib/sysusers.d/pitstop.conf"
  cp "$here"/pitstop-check.{service,timer} "$here/pitstop-recover.service" "$unit"
  "$own" internals man "$man"
  for page in "$man"/*; do gzip -9n "$page"; done
  "$own" internals completions bash >"$completions/bash-completion/completions/pitstop"
  "$own" internals completions fish >"$completions/fish/vendor_completions.d/pitstop.fish"
  "$own" internals completions zsh >"$stage/zsh"
  cp README.md "$here/instance.yaml" "$doc"
  gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
  gzip -9n <"$out/pitstop-$version-notices.txt" >"$doc/NOTICES.gz"
  # Profiles and templates are in the binary; here they can be read and copied.
  git ls-files templates/products | grep -v '/paths.txt$' | tar -cf - -T - | tar -xf - -C "$doc" --strip-components=1
  printf 'pitstop (%s-1) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$version" \
    "$(sed -n 's/^maintainer = "\(.*\)"$/\1/p' agent/Cargo.toml)" "$(date -R -d "@$SOURCE_DATE_EPOCH")" >"$stage/changelog"
  find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

packages() {
  local deb rpm arch own
  own=$out/pitstop-$version-linux-$(uname -m)
  [[ -x $own ]] || die "$own is missing: dist.sh binary"
  "$here/notices.py" "$(uname -m)-unknown-linux-gnu" >"$out/pitstop-$version-notices.txt"
  deb=$(tool cargo-deb "$cargo_deb") rpm=$(tool cargo-generate-rpm "$cargo_generate_rpm")
  for arch in x86_64 aarch64; do
    [[ -f $out/pitstop-$version-linux-$arch ]] || continue
    lay_out "$out/pitstop-$version-linux-$arch" "$own"
    (
      cd agent
      "$deb" deb --quiet --no-build --no-strip --target "$arch-unknown-linux-gnu" \
        --output "$out/pitstop_$version-1_$(sed 's/x86_64/amd64/; s/aarch64/arm64/' <<<"$arch").deb"
      "$rpm" generate-rpm --arch "$arch" --payload-compress gzip --output "$out/pitstop-$version-1.$arch.rpm"
    )
  done
}

# pack ARCHIVE FOLDER NAME…: the same bytes whenever and by whomever it is packed.
pack() {
  tar -C "$2" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go-w -cf - "${@:3}" |
    gzip -9n >"$1"
}

# What is tracked below a folder, and the licence. A link would lead into a machine that others do not have.
tracked() {
  local into=$2 links
  links=$(git ls-files --stage "$1" | sed -n 's/^120000 [^\t]*\t//p')
  [[ -z $links ]] || die "links are not packed: $links"
  rm -rf "$into"
  mkdir -p "$into"
  git ls-files "$1" | tar -cf - -T - | tar -xf - -C "$into" --strip-components=1
  cp LICENSE "$into"
}

collection() {
  local made=$cache/collection name archive
  tracked ansible "$made/source"
  archive=$("$("$root/tests/venv.sh")/bin/ansible-galaxy" collection build "$made/source" --output-path "$made" --force | grep -o '/.*\.tar\.gz$')
  name=$(basename "$archive" .tar.gz)
  rm -rf "$made/unpacked"
  mkdir -p "$made/unpacked" "$out"
  tar -xzf "$archive" -C "$made/unpacked"
  # The list of files comes in the order of the file system.
  python3 - "$made/unpacked" <<'PYTHON'
import hashlib, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
files, manifest = folder / "FILES.json", folder / "MANIFEST.json"
listed = json.loads(files.read_text())
listed["files"].sort(key=lambda file: file["name"])
files.write_text(json.dumps(listed, indent=1))
said = json.loads(manifest.read_text())
said["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(files.read_bytes()).hexdigest()
manifest.write_text(json.dumps(said, indent=1))
PYTHON
  (cd "$made/unpacked" && pack "$out/$name.tar.gz" . -- *)
}

module() {
  local made=$cache/module name
  name=$(python3 -c 'import json; it = json.load(open("puppet/metadata.json")); print(it["name"] + "-" + it["version"])')
  rm -rf "$made"
  mkdir -p "$out"
  tracked puppet "$made/$name"
  (cd "$made/$name" && rm -rf spec Rakefile .[!.]*)
  pack "$out/$name.tar.gz" "$made" "$name"
}

# Every crate in the binary. Its paths must not be those of this machine.
sbom() {
  local tool made=agent/pitstop.cdx.json
  tool=$(tool cargo-cyclonedx "$cargo_cyclonedx")
  mkdir -p "$out"
  "$tool" cyclonedx --quiet --manifest-path agent/Cargo.toml --format json --spec-version 1.5 --no-build-deps \
    --target "$(uname -m)-unknown-linux-gnu" --override-filename pitstop.cdx
  sed "s|$root|/pitstop|g" "$made" >"$out/pitstop-$version.cdx.json"
  rm "$made"
}

sums() {
  (cd "$out" && rm -f SHA256SUMS && sha256sum -- * >"$cache/sums" && mv "$cache/sums" SHA256SUMS)
}

parts=(binary packages collection module sbom sums)
if [[ $# == 0 ]]; then
  rm -f "$out"/pitstop[-_]* "$out/SHA256SUMS"
else
  for part in "$@"; do
    [[ " ${parts[*]} " == *" $part "* ]] || { sed -n '2,7p' "$0" >&2; exit 2; }
  done
  parts=("$@")
fi
mkdir -p "$cache"
for part in "${parts[@]}"; do "$part"; done
