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
mkdir -p "$root/usr/bin" "$root/lib/systemd/system" "$root/etc/caravan" "$doc" "$root/DEBIAN" dist
install -m 755 bin/caravan "$root/usr/bin/caravan"
sed 's,/usr/local/bin/,/usr/bin/,' deploy/caravan.service >"$root/lib/systemd/system/caravan.service"
cp -r docs/*.md LICENSE CHANGELOG.md deploy/nginx.conf deploy/haproxy.cfg deploy/Caddyfile deploy/prometheus deploy/grafana deploy/kubernetes migrations/undo "$doc/"
cat >"$root/etc/caravan/caravan.env" <<'END'
# Settings of Caravan, one a line: each flag --some-name is CARAVAN_SOME_NAME. What there is
# says `caravan serve --help`. Needed: the key that signs the access tokens.
#CARAVAN_JWT_SECRET=
#CARAVAN_LISTEN=127.0.0.1:8000
#CARAVAN_DATABASE=postgres://caravan:PASSWORD@127.0.0.1/caravan
END
chmod 600 "$root/etc/caravan/caravan.env"
tar -C "$root" --owner=0 --group=0 --exclude=./DEBIAN -czf "dist/$name.tar.gz" .

cat >"$root/DEBIAN/control" <<END
Package: caravan
Version: $version
Architecture: $arch
Maintainer: The Caravan authors <caravan@localhost>
Section: net
Priority: optional
Description: self-hosted chat server for large fleets of WebSocket clients
END
echo /etc/caravan/caravan.env >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
END
chmod 755 "$root/DEBIAN/postinst"
dpkg-deb -Zgzip --root-owner-group --build "$root" "dist/$name.deb" >/dev/null
echo "dist/$name.tar.gz"
echo "dist/$name.deb"
