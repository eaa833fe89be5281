# What the scripts share. Sourced by bash scripts in strict mode.

# Everything a person should read goes to stderr, so that stdout stays for machines.
say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

# Debian keeps the server programs of PostgreSQL out of PATH, one folder per version: the newest one wins.
postgres_programs() {
    local found
    found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$found" ]; then
        found=$(command -v initdb) || return 1
    fi
    dirname "$found"
}
