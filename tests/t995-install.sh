#!/bin/sh
# `make install` into an empty root, used from another directory, and taken away again.
. tests/lib.sh
build=${WINCLIP%/*}
dest=$tmp/dest
prefix=/opt/winclip
here=$dest$prefix

install_it() { ${MAKE:-make} -s --no-print-directory BUILD="$build" PREFIX=$prefix DESTDIR="$dest" "$1"; }
if [ -n "$WC_ASAN" ]; then
    skip "installing" "the installed program is not the sanitized one"
    done_testing
    exit
fi
runs "make install" 0 install_it install
WINCLIP=$here/bin/winclip-mpi
mkdir "$tmp/elsewhere"
cd "$tmp/elsewhere" || exit 1

runs "the version" 0 "$WINCLIP" --version
runs "an installed configuration, by its name" 0 program check sample.yaml
runs "with its folder" 0 program check configs/textile.yaml
runs "a job" 3 program check few_shot_visa.yaml
says "is found, and asks for its data" 'jobs/few_shot_visa.yaml.*environment variable [A-Z_]* is not set'
runs "a run on two ranks" 0 ranks 2 sample.yaml --set dataset.categories=[leather] --set output=run
ok "writes to the current directory" test -f run/report.txt
runs "an installed prompt set" 0 program prompts --object cable --prompts mvtec_specific.yaml
runs "an own folder of files" 3 env WINCLIP_SHARE="$tmp/none" "$WINCLIP" check nothing.yaml
says "what exists nowhere is the usual error" 'nothing.yaml'
data=$here/share/winclip-mpi/tests/data/sample
runs "score" 0 program score "$data/leather/test/good/000.png" --object leather --model "$data/model.safetensors" --bpe "$data/bpe.txt.gz"

# Man page and completions: all commands, options and keys.
man=$here/share/man/man1/winclip-mpi.1
for word in 'score' 'model convert' '\\-\\-threshold\\-from' 'winclip.tau' 'preprocess.tiling'; do
    ok "the man page has $word" grep -q -- "$word" "$man"
done
runs "help of a command" 0 program help score
ok "is the one of --help" sh -c "'$WINCLIP' score --help | cmp - '$out'"
runs "help of a subcommand" 0 program help model convert
if command -v groff >/dev/null 2>&1; then
    is "groff has nothing to say" "$(groff -man -Tascii -ww -z "$man" 2>&1)" ""
else
    skip "groff" "no groff here"
fi
bash=$here/share/bash-completion/completions/winclip-mpi
if command -v bash >/dev/null 2>&1; then
    complete() {
        bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _winclip_mpi; echo "${COMPREPLY[*]}"' \
            bash "$bash" "$@"
    }
    is "bash completes a command" "$(complete winclip-mpi toke)" tokenize
    is "a subcommand" "$(complete winclip-mpi model conv)" convert
    is "an option" "$(complete winclip-mpi score --thresh)" "--threshold --threshold-from"
    is "a subcommand's option" "$(complete winclip-mpi model convert --dt)" --dtype
    is "a key" "$(complete winclip-mpi run --set winclip.ta)" "winclip.tau="
else
    skip "bash completion" "no bash here"
fi
if command -v zsh >/dev/null 2>&1; then
    ok "zsh reads its completion" zsh -n "$here/share/zsh/site-functions/_winclip-mpi"
else
    skip "zsh completion" "no zsh here"
fi

# The library as an installed package.
PKG_CONFIG_PATH=$here/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
is "pkg-config knows the version" "$(pkg-config --modversion winclip)" "$("$WINCLIP" --version | cut -d' ' -f2)"
user() { # the example, on a picture
    WINCLIP_BPE=model.bpe=$data/bpe.txt.gz LD_LIBRARY_PATH=$here/lib "$1" "$data/model.safetensors" leather \
        "$data/leather/test/contam/000.png" -- "$data/leather/train/good/000.png"
}
# shellcheck disable=SC2046 # flags are words
{
    ok "a program of 40 lines builds" ${CC:-cc} -std=c11 -Wall -Werror -o shared "$here/share/winclip-mpi/examples/score.c" $(pkg-config --cflags --libs winclip)
    runs "and scores" 0 user ./shared
    is "what it should" "$(cut -f2 "$out" | cut -c1-6)" 0.5785
    ok "against the archive too" ${CC:-cc} -std=c11 -o static "$here/share/winclip-mpi/examples/score.c" $(pkg-config --cflags winclip) "$here/lib/libwinclip.a" \
        $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs-only-l --libs-only-other --static winclip | sed 's/-lwinclip//')
    runs "and scores" 0 user ./static
    is "the same" "$(cut -f2 "$out" | cut -c1-6)" 0.5785
    if command -v c++ >/dev/null 2>&1; then
        printf '#include <winclip.h>\nint main() { return winclip_version()[0] == 0; }\n' >user.cc
        ok "the header is C++ too" c++ -Wall -Werror -o cxx user.cc $(pkg-config --cflags --libs winclip)
    else
        skip "C++" "no c++ here"
    fi
}

cd "$root" || exit 1
mkdir -p "$here/share/man/man1" && : >"$here/share/man/man1/other.1"
runs "make uninstall" 0 install_it uninstall
is "leaves what is not its own, and nothing else" "$(cd "$dest" && find . ! -type d)" ".$prefix/share/man/man1/other.1"
done_testing
