# shellcheck shell=bash
# deploy/lab/user.sh: both programs run as user tandem, in the lab and in the tests as in earnest.

as_tandem() {
    setpriv --reuid tandem --regid tandem --clear-groups -- "$@"
}

# programs_for_tandem BUILD COPIES: prints the folder of the programs that user tandem can execute:
# BUILD, or COPIES, made anew, when the way to BUILD is closed to it (a clone in somebody's home).
programs_for_tandem() {
    if as_tandem test -x "$1/tandem-worker"; then
        echo "$1"
        return
    fi
    mkdir -p "$2" && chmod 755 "$2" || return
    find "$1" "$1/tests" -maxdepth 1 -type f \( -name 'tandem*' -o -name puppet-worker \) \
        -perm -100 -exec install -t "$2" {} + && echo "$2"
}
