#!/bin/sh
# @NAME@ @VERSION@ for @TARGET@, portable: unpacks its runtime and its program once into your cache.
set -eu

case $0 in
*/*) self=$0 ;;
*) self=$(command -v -- "$0") ;;
esac
case $self in
/*) ;;
*) self=$PWD/$self ;;
esac

stop() {
  printf '@NAME@: error: %s\n@NAME@: hint: %s\n' "$1" "$2" >&2
  exit 70
}

if [ -n "${REMOTELER_CACHE:-}" ]; then
  cache=$REMOTELER_CACHE
elif [ -n "${CACHE_DIRECTORY:-}" ]; then
  cache=${CACHE_DIRECTORY%%:*}
elif [ -n "${XDG_CACHE_HOME:-}" ]; then
  cache=$XDG_CACHE_HOME/remoteler
elif [ -n "${HOME:-}" ] && [ -d "$HOME" ]; then
  cache=$HOME/.cache/remoteler
else
  stop "no folder to unpack into" "set HOME or REMOTELER_CACHE to a folder of your own"
fi

runtime=$cache/runtime-@RUNTIME_KEY@
program=$cache/@NAME@-@PROGRAM_KEY@

# Others must not be able to plant what we run.
ours() { [ -O "$1" ] && [ ! -L "$1" ]; }
whole() { [ -s "$1" ] && ours "$1"; }

# intact FOLDER FILE...: asked on every start, so by the shell alone, without a process or a hash.
intact() {
  ours "$1" || return 1
  folder=$1
  shift
  for file; do whole "$folder/$file" || return 1; done
}

own_folder() {
  (umask 077 && mkdir -p "$1") 2>/dev/null || stop "can't make $1" "set REMOTELER_CACHE to a folder you can write"
  ours "$1" || stop "$1 belongs to somebody else" "remove it, or set REMOTELER_CACHE to another folder"
}

sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

# unpack FOLDER OFFSET BYTES SHA256 FILE SIZE...: the files of one packed stream, published with ln,
# which never replaces a file in use.
unpack() (
  folder=$1 offset=$2 bytes=$3 sha256=$4
  shift 4
  own_folder "$cache"
  own_folder "$folder"
  chmod 0700 "$folder"
  # What first starts that were killed left behind.
  find "$folder" -name '.draft.*' -mtime +0 -exec rm -rf {} + 2>/dev/null || true
  draft=$folder/.draft.$$
  trap 'rm -rf "$draft"' EXIT
  trap 'exit 130' HUP INT TERM
  mkdir "$draft" 2>/dev/null || stop "can't write $folder" "set REMOTELER_CACHE to a folder you can write"
  tail -c "+$offset" "$self" | head -c "$bytes" | gzip -dc >"$draft/.all" 2>/dev/null || true
  if [ "$(sum "$draft/.all")" != "$sha256" ]; then
    rm -rf "$draft"
    command -v gzip >/dev/null 2>&1 || stop "there is no gzip" "install gzip"
    if [ "$(df -Pk "$folder" | awk 'NR==2 {print $4}')" -lt 1024 ]; then
      stop "the disk of $cache is full" "free some space, or set REMOTELER_CACHE to another disk"
    fi
    stop "$self is damaged" "download or copy it again"
  fi
  if [ $# -eq 2 ]; then
    mv "$draft/.all" "$draft/$1"
  else
    while [ $# -gt 0 ]; do
      dd bs="$2" count=1 of="$draft/$1" 2>/dev/null
      shift 2
    done <"$draft/.all"
  fi
  chmod 0700 "$draft"/*
  # To the disk, so that a power cut can't leave a published file with a hole in it.
  sync "$draft"/* 2>/dev/null || sync
  for file in "$draft"/*; do
    name=$folder/${file##*/}
    # A broken one goes, in one step; one that another first start has published meanwhile stays.
    if [ -e "$name" ] && ! whole "$name"; then mv -f "$file" "$name"; else ln "$file" "$name" 2>/dev/null || true; fi
    whole "$name" || stop "can't write $name" "set REMOTELER_CACHE to a folder you can write"
  done
)

intact "$runtime" deno || {
  unpack "$runtime" @RUNTIME_AT@ @RUNTIME_BYTES@ @RUNTIME_SHA@ deno @RUNTIME_SIZE@
  "$runtime/deno" --version >/dev/null 2>&1 ||
    stop "$runtime/deno can't be run here" "it is for @TARGET@; if that fits, set REMOTELER_CACHE to a disk that lets programs run"
}
intact "$program" @PROGRAM_FILES@ ||
  unpack "$program" @PROGRAM_AT@ @PROGRAM_BYTES@ @PROGRAM_SHA@ @PROGRAM_SIZES@

# The runtime's settings of whoever calls are for their programs, not for this one.
exported=$(export -p)
case $exported in
*DENO_* | *NODE_*)
  set -f
  IFS='
'
  for line in $exported; do
    name=${line#export }
    name=${name#declare -x }
    name=${name%%=*}
    case $name in
    *[!A-Za-z0-9_]*) ;;
    DENO_* | NODE_*) unset "$name" ;;
    esac
  done
  set +f
  unset IFS
  ;;
esac
REMOTELER_EXECUTABLE=$self
DENO_DIR=$program/cache
DENO_NO_UPDATE_CHECK=1
export REMOTELER_EXECUTABLE DENO_DIR DENO_NO_UPDATE_CHECK
exec "$runtime/deno" run --quiet --no-prompt --no-config --no-lock --cached-only --no-remote --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys "$program/@NAME@.js" "$@"
exit 70
