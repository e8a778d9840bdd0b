#!/bin/sh
# @NAME@ @VERSION@, portable: unpacks its runtime and its program once into your cache, then runs them.
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

# Others must not be able to plant what we run: a folder of ours that only we can write.
own_folder() {
  (umask 077 && mkdir -p "$1") 2>/dev/null || stop "can't make $1" "set REMOTELER_CACHE to a folder you can write"
  [ -O "$1" ] && [ ! -L "$1" ] || stop "$1 belongs to somebody else" "remove it, or set REMOTELER_CACHE to another folder"
}

sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

intact() { [ -f "$1" ] && [ -O "$1" ] && [ "$(wc -c <"$1")" -eq "$2" ]; }

# unpack OFFSET BYTES SHA256 FOLDER FILE SIZE: published with ln, which never replaces a file in use.
unpack() {
  own_folder "$cache"
  own_folder "$4"
  draft=$4/.draft.$$
  trap 'rm -f "$draft"' EXIT
  tail -c "+$1" "$self" | head -c "$2" | gzip -dc >"$draft" 2>/dev/null || true
  if [ "$(sum "$draft")" != "$3" ]; then
    rm -f "$draft"
    if [ "$(df -Pk "$4" | awk 'NR==2 {print $4}')" -lt 1024 ]; then
      stop "the disk of $cache is full" "free some space, or set REMOTELER_CACHE to another disk"
    fi
    stop "$self is damaged" "download or copy it again"
  fi
  chmod 0700 "$draft"
  # Another first start may have published it meanwhile; only a broken one goes.
  intact "$4/$5" "$6" || rm -f "$4/$5"
  ln "$draft" "$4/$5" 2>/dev/null || [ -e "$4/$5" ] || stop "can't write $4/$5" "set REMOTELER_CACHE to a folder you can write"
  rm -f "$draft"
  trap - EXIT
}

intact "$runtime/deno" @RUNTIME_SIZE@ || unpack @RUNTIME_AT@ @RUNTIME_BYTES@ @RUNTIME_SHA@ "$runtime" deno @RUNTIME_SIZE@
@PROGRAM_CHECKS@

for variable in $(env | sed -n 's/^\(DENO_[A-Za-z0-9_]*\)=.*/\1/p; s/^\(NODE_[A-Za-z0-9_]*\)=.*/\1/p'); do
  unset "$variable"
done
REMOTELER_EXECUTABLE=$self
DENO_DIR=$program/cache
DENO_NO_UPDATE_CHECK=1
export REMOTELER_EXECUTABLE DENO_DIR DENO_NO_UPDATE_CHECK
exec "$runtime/deno" run --quiet --no-prompt --no-config --no-lock --cached-only --no-remote --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys "$program/@NAME@.js" "$@"
exit 70
