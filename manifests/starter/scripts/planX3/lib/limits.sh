# planX3 has 8 Mbit/s and 2 GB a month: five pings, so that single losses show as a fraction.
# shellcheck shell=sh

limit() {
	case $1 in
	ping_count) echo 5 ;;     # echo requests, one a second
	body_bytes) echo 65536 ;; # of one HTTP answer
	esac
}
