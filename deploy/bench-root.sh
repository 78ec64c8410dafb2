#!/bin/sh
# Measures what PERFORMANCE.md says of the root, all of it, in about a quarter of
# an hour. Nothing else should run meanwhile. A part: bench-root.sh serve
set -eu
cd "$(dirname "$0")/.."

bench() { # package, benchmarks, how often
	echo "# go test ./$1 -run XXX -bench '$2' -benchtime $3"
	go test "./$1" -run XXX -bench "$2" -benchtime "$3" -timeout 30m | grep -v '^goos\|^goarch\|^pkg\|^PASS'
}

part() {
	case $1 in
	serve) bench root 'Serve$' 100x ;;
	register)
		bench root/store 'Fsync|RegisterConcurrent' 20000x
		bench root 'Register$' 20000x
		;;
	disk) bench root/store Disk 2000x ;;
	work) bench root/proofofwork . 1s ;;
	flood) bench root Flood 1000x ;;
	many) bench root HundredThousand 3x ;;
	transfer) bench root 'Import|Export|Backup' 2x ;;
	*)
		echo "bench-root.sh: there is no part $1; there are serve, register, disk, work, flood, many, transfer" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- serve register disk work flood many transfer
for name; do
	part "$name"
done
