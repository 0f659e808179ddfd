#!/bin/sh
# slurm/packaging: as far as it can be checked without Spack, EasyBuild and Apptainer; each file says what was not built.
. tests/lib.sh
here=slurm/packaging
version=$("$WINCLIP" --version | cut -d' ' -f2)

for f in $here/spack/packages/winclip-mpi/package.py $here/easybuild/*.eb $here/apptainer.def; do
    ok "$(basename "$f") says what was not built" grep -Eq '^# .*[Nn]ot built' "$f"
done
ok "Spack's recipe has this version" grep -q "version(\"$version\")" $here/spack/packages/winclip-mpi/package.py
ok "EasyBuild's too" test -f "$here/easybuild/winclip-mpi-$version-foss-2023a.eb"
ok "and the module" test -f "$here/modules/winclip-mpi/$version.lua"
# Each target and variable of make that a recipe uses is the Makefile's.
for word in 'PREFIX' 'LIBDIR' 'MPICC' 'ONEDNN' 'DESTDIR'; do
    ok "the Makefile takes $word" grep -Eq "^$word +\?=" Makefile
done
if command -v python3 >/dev/null 2>&1; then
    for f in $here/spack/packages/winclip-mpi/package.py $here/easybuild/*.eb; do
        ok "$(basename "$f") is Python" python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$f"
    done
else
    skip "syntax of the recipes" "no python3 here"
fi
lmod=/usr/share/lmod/lmod/libexec/lmod
if [ -x $lmod ]; then
    MODULEPATH=$root/$here/modules WINCLIP_MODULE_ROOT=/apps/here $lmod bash load "winclip-mpi/$version" >"$tmp/module" 2>&1
    ok "Lmod loads the module" grep -q 'PATH="\{0,1\}/apps/here/bin' "$tmp/module"
    ok "which names the folder of files" grep -q 'WINCLIP_SHARE="\{0,1\}/apps/here/share/winclip-mpi' "$tmp/module"
else
    skip "the module" "no Lmod here"
fi
sed -n '/^%post/,/^%/p' $here/apptainer.def | sed '/^%/d' >"$tmp/post.sh"
ok "Apptainer's commands are shell" sh -n "$tmp/post.sh"
if git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
    runs "make dist" 0 ${MAKE:-make} -s --no-print-directory BUILD="$tmp/dist" dist
    is "has one folder, named for the version" "$(tar tzf "$tmp/dist/winclip-mpi-$version.tar.gz" | cut -d/ -f1 | sort -u)" "winclip-mpi-$version"
    cp "$tmp/dist/winclip-mpi-$version.tar.gz" "$tmp/first.tar.gz"
    runs "make dist again" 0 ${MAKE:-make} -s --no-print-directory BUILD="$tmp/dist" dist
    ok "gives the same bytes" cmp "$tmp/first.tar.gz" "$tmp/dist/winclip-mpi-$version.tar.gz"
else
    skip "make dist" "no git checkout"
fi
done_testing
