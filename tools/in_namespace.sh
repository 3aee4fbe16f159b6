#!/usr/bin/env bash
# in_namespace.sh COMMAND [ARGUMENT...]: runs a test where it may make network namespaces and TUN devices.
#
# As root it runs as it is.  Without root it runs in a user, mount and network namespace of its own, with /run empty (that
# is where ip keeps named namespaces) and the loopback up.  Where the system refuses that, it says so and exits with 77.
set -u
export PATH=$PATH:/usr/sbin:/sbin

if [ "$(id -u)" = 0 ]; then
    if why=$(unshare -n true 2>&1); then exec "$@"; fi
    echo "skipped: no network namespaces here, even for root: $why"
    exit 77
fi
if ! why=$(unshare -Urnm true 2>&1); then
    echo "skipped: not root, and user namespaces are refused: $why"
    exit 77
fi
# shellcheck disable=SC2016 # for the inner shell
exec unshare -Urnm sh -c 'mount -t tmpfs none /run && mkdir -p /run/netns && ip link set lo up && exec "$@"' sh "$@"
