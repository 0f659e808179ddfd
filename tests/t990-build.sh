#!/bin/sh
# The Makefile from a user's side: help, setup, a changed flag, install.
. tests/lib.sh

# make, as a user types it: without what a surrounding `make check` hands down.
plain_make() {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u BUILD -u OPT -u SANITIZE -u CFLAGS make "$@"
}

runs "make help" 0 plain_make help
for target in all setup check check-asan check-layers check-headers format lint install help; do
    says "make help: names $target" "^  $target( |$)" "$out"
done
plain_make help | grep -Eq "$(printf '\t')"
is "make help: aligned with spaces" $? 1

# setup.sh with everything installed: says so, calls neither apt-get nor sudo. Fakes stand for the system's tools.
mkdir "$tmp/bin"
for tool in apt-get sudo; do
    printf '#!/bin/sh\necho %s "$@" >>"%s/called"\n' $tool "$tmp" >"$tmp/bin/$tool"
done
printf '#!/bin/sh\necho install ok installed\n' >"$tmp/bin/dpkg-query"
chmod +x "$tmp/bin/apt-get" "$tmp/bin/sudo" "$tmp/bin/dpkg-query"
runs "setup, all installed" 0 env PATH="$tmp/bin:$PATH" sh tests/setup.sh
says "setup, all installed: says so" 'everything is installed' "$out"
ok "setup, all installed: nothing is called" test ! -e "$tmp/called"
printf '#!/bin/sh\ncase "$*" in *libyaml-dev*) exit 1 ;; esac\necho install ok installed\n' >"$tmp/bin/dpkg-query"
runs "setup, one missing" 0 env PATH="$tmp/bin:$PATH" sh tests/setup.sh
says "setup, one missing: it alone is installed" 'apt-get install.* libyaml-dev$' "$tmp/called"
# A PATH without apt-get: the names for other systems.
mkdir "$tmp/other"
for tool in sh cat sed env; do ln -s "$(command -v $tool)" "$tmp/other/$tool"; done
runs "setup without apt" 1 env PATH="$tmp/other" sh tests/setup.sh
for system in dnf zypper Spack; do
    says "setup without apt: $system" "$system.*(yaml|libyaml)" "$out"
done

# One object in a build folder of its own: made, up to date, made again when a flag or a header changes.
object=src/base/err.o
build="$tmp/build"
make_object() {
    plain_make BUILD="$build" "$@" "$build/$object"
}
runs "one object" 0 make_object
runs "the same again" 0 make_object
ok "the same again: nothing to do" sh -c '! grep -q "CC.*err.o" "$1"' sh "$out"
runs "another flag" 0 make_object OPT=-O1
says "another flag: made again" "CC.*$object" "$out"
runs "the same flag again" 0 make_object OPT=-O1
ok "the same flag again: nothing to do" sh -c '! grep -q "CC.*err.o" "$1"' sh "$out"
ok "header dependencies are kept" grep -q 'src/base/err.h' "$build/src/base/err.d"
runs "a newer header" 0 plain_make BUILD="$build" OPT=-O1 -W src/base/err.h "$build/$object"
says "a newer header: made again" "CC.*$object" "$out"

# install, into a folder that stands for the root. The program as it is built: no new build.
runs "install" 0 plain_make BUILD="$(dirname "$WINCLIP")" -o "$WINCLIP" install PREFIX=/opt/w DESTDIR="$tmp/image"
installed=$tmp/image/opt/w
is "install: the program runs" "$("$installed/bin/winclip-mpi" --version)" "$("$WINCLIP" --version)"
ok "install: configurations and prompts" test -s "$installed/share/winclip-mpi/configs/visa.yaml" -a \
    -s "$installed/share/winclip-mpi/prompts/winclip.yaml"
ok "install: all below PREFIX" test "$(ls "$tmp/image")" = opt
(cd "$tmp" && "$installed/bin/winclip-mpi" tokenize bottle >"$out")
says "install: works away from the sources" '49406 [0-9]+ 49407' "$out"
runs "install again" 0 plain_make BUILD="$(dirname "$WINCLIP")" -o "$WINCLIP" install PREFIX=/opt/w DESTDIR="$tmp/image"
ok "install again: no folder within a folder" test ! -e "$installed/share/winclip-mpi/configs/configs"
runs "uninstall" 0 plain_make uninstall PREFIX=/opt/w DESTDIR="$tmp/image"
is "uninstall: no file is left" "$(find "$tmp/image" -type f | wc -l)" 0

# A failing test fails the run: this file's own harness.
cat >"$tmp/fails.sh" <<'SH'
. tests/lib.sh
is "differs" 1 2
done_testing
SH
runs "a test that fails" 1 sh "$tmp/fails.sh"
says "a test that fails: says so" '^not ok 1 - differs' "$out"

done_testing
