#!/usr/bin/env bash
# Installs the Debian packages that the tests need, where that is possible.
set -euo pipefail
command -v pdftotext >/dev/null && command -v pdftoppm >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "poppler-utils is not installed: tests of PDF documents will be skipped" >&2
	exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq poppler-utils >/dev/null || {
	apt-get update -qq
	apt-get install -y -qq poppler-utils >/dev/null
}
