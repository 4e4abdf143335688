#!/usr/bin/env bash
# The system libraries that Qt and VTK need to draw without a screen; for the tests that use the rig.
# Does nothing where they are there; installs them for root on Debian and its like; otherwise says what to ask for.
# Never fails: without them those tests are skipped, and say so.
set -u
PACKAGES="libegl1 libgl1 libopengl0 libxkbcommon0 libdbus-1-3 libfontconfig1 libgl1-mesa-dri libegl-mesa0"
LIBRARIES="libEGL.so.1 libGL.so.1 libOpenGL.so.0 libxkbcommon.so.0 libdbus-1.so.3 libfontconfig.so.1"

all_are_there() {
    local known
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) || return 1
    for library in $LIBRARIES; do
        case "$known" in *"$library "*) ;; *) return 1 ;; esac
    done
    case "$known" in *libEGL_mesa.so* | *libEGL_nvidia.so* | *libOSMesa.so*) ;; *) return 1 ;; esac
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list
    apt-get update -qq && apt-get install -qq --yes --no-install-recommends $PACKAGES
}

[ "$(uname)" = Linux ] || exit 0
all_are_there && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install >/dev/null && exit 0
    echo "The system libraries for the panel's tests could not be installed; those tests are skipped." >&2
else
    echo "The panel's tests are skipped until your administrator installs the packages $PACKAGES." >&2
fi
exit 0
