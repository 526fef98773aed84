# plan-D has 32 kbit/s and 20 MB a month: one ping, and no answer above two seconds of line.
# shellcheck shell=sh

limit() {
	case $1 in
	ping_count) echo 1 ;;    # echo requests
	body_bytes) echo 8192 ;; # of one HTTP answer
	esac
}
