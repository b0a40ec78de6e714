#!/bin/sh
# Makes dist/caravan_VERSION_ARCH.tar.gz and .deb of bin/caravan, which is static: any Linux
# of that architecture runs it. The package needs nothing but what Debian has installed.
#
#   deploy/dist.sh VERSION
set -eu
cd "$(dirname "$0")/.."
arch=$(go env GOARCH)
# A version of a package begins with a digit. What comes before a release is less than it (~), what
# git counts after it is more.
version=$(printf %s "${1#v}" | sed -E 's/-(alpha|beta|rc)/~\1/' | tr -c 'A-Za-z0-9.+~' '+')
case $version in [0-9]*.[0-9]*) ;; *) version=0~$version ;; esac
name=caravan_${version}_$arch
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022
chmod 755 "$root"

doc=$root/usr/share/doc/caravan
units=$root/usr/lib/systemd/system
mkdir -p "$root/usr/bin" "$units" "$root/etc/caravan" "$doc" "$root/DEBIAN" dist
install -m 755 bin/caravan "$root/usr/bin/caravan"
sed 's,/usr/local/bin/,/usr/bin/,' deploy/caravan.service >"$units/caravan.service"
cp -r docs/*.md LICENSE CHANGELOG.md deploy/nginx.conf deploy/haproxy.cfg deploy/Caddyfile deploy/prometheus deploy/grafana deploy/kubernetes migrations/undo "$doc/"
cp deploy/caravan.conf "$doc/caravan.conf.example"
# All lies beside each other there; what is not shipped is on the web.
web=https://github.com/caravan-chat/caravan/blob/main
sed -i -E -e 's,\]\((docs|\.\./deploy)/([A-Za-z-]+\.(md|conf|cfg)(#[^)]*)?|Caddyfile|(prometheus|grafana|kubernetes)[^)]*)\),](\2),g' \
    -e 's,\]\(\.\./((CHANGELOG\.md|LICENSE)(#[^)]*)?)\),](\1),g' -e 's,\]\(\.\./migrations/undo/,](undo/,g' \
    -e "s,\]\(\.\./,]($web/,g; s,\]\((adr|laws|images)([/)]),]($web/docs/\1\2,g" "$doc"/*.md

# The archive is unpacked at /, over a former release: it holds no settings, which would be
# lost, and no directories, which would take the place of links such as /lib.
(cd "$root" && find usr -type f) | LC_ALL=C sort >"$root/DEBIAN/files"
tar -C "$root" --owner=0 --group=0 --no-recursion -czf "dist/$name.tar.gz" -T "$root/DEBIAN/files"
rm "$root/DEBIAN/files"

install -m 600 deploy/caravan.conf "$root/etc/caravan/caravan.conf"
cat >"$root/DEBIAN/control" <<END
Package: caravan
Version: $version
Architecture: $arch
Maintainer: The Caravan authors <caravan@localhost>
Section: net
Priority: optional
Description: self-hosted chat server for large fleets of WebSocket clients
END
echo /etc/caravan/caravan.conf >"$root/DEBIAN/conffiles"
# $2 is the former version: a server that runs drains, and goes on as the new one.
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
getent passwd caravan >/dev/null ||
    useradd --system --user-group --no-create-home --home-dir /var/lib/caravan --shell /usr/sbin/nologin caravan
if [ -z "$2" ]; then
    chgrp caravan /etc/caravan/caravan.conf
    chmod 640 /etc/caravan/caravan.conf
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    [ -z "$2" ] || systemctl try-restart caravan
fi
END
cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now caravan
fi
END
cat >"$root/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
END
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
dpkg-deb -Zgzip --root-owner-group --build "$root" "dist/$name.deb" >/dev/null
echo "dist/$name.tar.gz"
echo "dist/$name.deb"
