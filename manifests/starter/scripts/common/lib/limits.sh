# What one run of a probe may cost. A plan's own folder may lay its lib/limits.sh over this one.
# shellcheck shell=sh

limit() {
	case $1 in
	ping_count) echo 3 ;;     # echo requests, one a second
	body_bytes) echo 65536 ;; # of one HTTP answer
	esac
}
