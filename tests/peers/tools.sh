#!/bin/sh
# Says at once what is missing, instead of after twenty minutes: `tools.sh rust go python`.
set -u
python=${PYTHON:-python3}
missing=0

need() {
    echo "make: $1 is missing; $2" >&2
    missing=1
}

# A program of two lines shows more than a look at the path: some systems have cc without its linker or headers.
links() {
    folder=$(mktemp -d) || return 1
    printf '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n' > "$folder/one.c"
    cc -o "$folder/one" "$folder/one.c" 2> /dev/null
    result=$?
    rm -rf "$folder"
    return $result
}

for part in "$@"; do
    case $part in
    rust)
        command -v "${CARGO:-cargo}" > /dev/null \
            || need "Rust's cargo" "install rustup from https://rustup.rs, which then installs the version in rust-toolchain.toml"
        links || need "a working C compiler (cc)" "install one, such as with: apt-get install build-essential"
        ;;
    go)
        # In that folder Go looks for the version that go.mod asks for, and may fetch it.
        (cd "$(dirname "$0")/kube-apiserver" && go version > /dev/null) \
            || need "Go 1.26 or newer" "the tests build Jaeger, Prometheus and Kubernetes' API server with it; install it from https://go.dev/dl"
        ;;
    python)
        "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2> /dev/null \
            || need "Python 3.10 or newer with venv" "the tests send with the OpenTelemetry SDK; install it, such as with: apt-get install python3-venv"
        ;;
    esac
done
exit $missing
