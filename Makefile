# winclip-mpi: `make help` lists the targets. Objects lie under build/; nothing is written elsewhere except by install.

VERSION   := 0.1.0
CC        ?= cc
MPICC     ?= mpicc
PREFIX    ?= /usr/local
DESTDIR   ?=
LIBDIR    ?= $(PREFIX)/lib
BUILD     ?= build
OPT       ?= -O2
WERROR    ?=
SANITIZE  ?=

# CFLAGS and LDFLAGS are the user's; what the program needs is added to them.
CFLAGS    ?= -g
WARN      := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes $(WERROR)
BASEFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -ffp-contract=off -fno-strict-aliasing -fopenmp \
             -fPIC -fvisibility=hidden $(OPT) $(WARN) $(SANITIZE) -Isrc -Iinclude -DWC_VERSION='"$(VERSION)"'
BLAS_CFLAGS := $(shell pkg-config --cflags openblas 2>/dev/null)
BLAS_LIBS   := $(shell pkg-config --libs openblas 2>/dev/null || echo -lopenblas)
# oneDNN, where found, is the faster matrix product: ONEDNN=auto|yes|no.
ONEDNN      ?= auto
ONEDNN_FOUND := $(if $(filter no,$(ONEDNN)),,$(shell \
    $(CC) $(CFLAGS) -include oneapi/dnnl/dnnl.h -E -x c /dev/null >/dev/null 2>&1 && echo yes))
ifeq ($(ONEDNN)$(ONEDNN_FOUND),yes)
$(error ONEDNN=yes, but oneapi/dnnl/dnnl.h is not found: install libdnnl-dev, or name its folder in CFLAGS and LDFLAGS)
endif
ONEDNN_CFLAGS := $(if $(ONEDNN_FOUND),-DWC_HAVE_ONEDNN)
ONEDNN_LIBS   := $(if $(ONEDNN_FOUND),-ldnnl)
ALL_CFLAGS  = $(BASEFLAGS) $(BLAS_CFLAGS) $(ONEDNN_CFLAGS) $(CFLAGS)
LIBS        = $(ONEDNN_LIBS) $(BLAS_LIBS) -lpng -ljpeg -lyaml -lz -lm

ARCH := $(shell uname -m)
export OMPI_CC := $(CC)
export MPICH_CC := $(CC)

# One file an ISA, each with its own flags; other processors build the scalar kernels only.
ifeq ($(ARCH),x86_64)
ISA_AVX2   := -mavx2 -mfma -mf16c
ISA_AVX512 := $(ISA_AVX2) -mavx512f -mavx512bw -mavx512dq -mavx512vl
ISA_SHA_NI := -mssse3 -msse4.1 -msha
endif

# The public library is made of the layers up to `winclip`; it knows no MPI.
PUBLIC := base tensor image text weights config model method winclip
LAYERS := base tensor image text weights config model dataset demo method winclip eval journal report sched cli
SRC    := $(foreach d,$(LAYERS),$(sort $(wildcard src/$(d)/*.c)))
ifneq ($(ARCH),x86_64)
SRC    := $(filter-out %_avx2.c %_avx512.c %_sha_ni.c,$(SRC))
endif
ifeq ($(ONEDNN_FOUND),)
SRC    := $(filter-out %/gemm_onednn.c,$(SRC))
endif
OBJ      := $(SRC:%.c=$(BUILD)/%.o)
MAIN_OBJ := $(BUILD)/src/cli/main.o
LIB_OBJ  := $(filter-out $(MAIN_OBJ),$(OBJ))
LIB      := $(BUILD)/libwinclip-all.a
PROGRAM  := $(BUILD)/winclip-mpi

# libwinclip: the soname's number is raised when an old program would no longer run with it.
SOVERSION  := 0
PUBLIC_OBJ := $(filter $(PUBLIC:%=$(BUILD)/src/%/%.o),$(OBJ))
SHARED     := $(BUILD)/libwinclip.so.$(VERSION)
SONAME     := libwinclip.so.$(SOVERSION)
STATIC     := $(BUILD)/libwinclip.a
LIBRARIES  := $(SHARED) $(BUILD)/$(SONAME) $(BUILD)/libwinclip.so $(STATIC)

TEST_SRC := $(sort $(wildcard tests/t[0-9]*.c))
TEST_BIN := $(TEST_SRC:tests/%.c=$(BUILD)/tests/%.t)
TEST_SH  := $(sort $(wildcard tests/t[0-9]*.sh))
TEST_TOOL := $(BUILD)/tests/golden_tool.t

# Fuzz targets: `make check` replays their corpora, and these folders of golden files.
FUZZ_NAMES  := $(patsubst tests/fuzz/fuzz-%.c,%,$(sort $(wildcard tests/fuzz/fuzz-*.c)))
FUZZ_ALSO_safetensors  := :tests/golden/weights/bad
FUZZ_ALSO_torch-zip    := :tests/golden/weights/bad
FUZZ_ALSO_torch-legacy := :tests/golden/weights/bad
FUZZ_ALSO_json         := :tests/golden/weights
FUZZ_ALSO_image        := :tests/golden/decode/bad:tests/golden/decode/good
FUZZ_ALSO_config       := :configs
FUZZ_ALSO_study        := :jobs:configs
FUZZ_ALSO_prompts      := :prompts
FUZZ_COMMON := tests/fuzz/fuzz.c tests/fuzz/fuzz.h tests/fuzz/weights.h
FUZZ_REPLAY := $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz-%.t)
FUZZ_BIN    := $(FUZZ_NAMES:%=$(BUILD)/fuzz-%)
FUZZ_SECONDS ?= 60
TEST_BIN    += $(FUZZ_REPLAY)

.PHONY: all analyse bench-variants check check-asan check-asan-run check-format check-full check-headers \
        check-layers check-mpich check-mpich-run check-slurm check-unit coverage coverage-run demo format fuzz \
        fuzz-corpus fuzz-merge fuzz-run help install lint setup table tidy \
        uninstall manual dist clean FORCE
.DELETE_ON_ERROR:
all: $(PROGRAM) $(LIBRARIES) ## build the program and the library (default)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 18

setup: ## install the packages that building needs (Debian and Ubuntu; names for other systems)
	@sh tests/setup.sh

# `make V=1` shows every command.
ifeq ($(V),1)
SAY = @:
else
Q   = @
SAY = @printf '  %s\t%s\n'
endif

# Rebuild when compiler or flags change: the stamp's content is the command line.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(MPICC) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS)' | cmp -s - $@ || \
	    printf '%s\n' '$(CC) $(MPICC) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS)' > $@

$(BUILD)/%_avx2.o: ISA_FLAGS = $(ISA_AVX2)
$(BUILD)/%_avx512.o: ISA_FLAGS = $(ISA_AVX512)
$(BUILD)/%_sha_ni.o: ISA_FLAGS = $(ISA_SHA_NI)

# MPI is known to two layers only.
$(BUILD)/src/sched/%.o: src/sched/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(MPICC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/src/cli/%.o: src/cli/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(MPICC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/src/weights/demo_data.o: src/weights/demo.safetensors
$(BUILD)/src/text/bpe_data.o: prompts/bpe_simple_vocab_16e6.txt.gz
$(BUILD)/src/text/prompts_data.o: prompts/winclip.yaml prompts/clip_ac.yaml prompts/imagenet80.yaml
$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) $(ISA_FLAGS) -MMD -MP -c $< -o $@

$(LIB): $(LIB_OBJ)
	$(SAY) AR $@
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJ)
$(PROGRAM): $(MAIN_OBJ) $(LIB)
	$(SAY) LINK $@
	$(Q)$(MPICC) $(ALL_CFLAGS) $(LDFLAGS) $(MAIN_OBJ) $(LIB) $(LIBS) -o $@

# Only what src/winclip/winclip.map names is visible, with its version; in the archive everything else is made local.
$(SHARED): $(PUBLIC_OBJ) src/winclip/winclip.map
	$(SAY) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=src/winclip/winclip.map \
	    $(if $(SANITIZE),,-Wl,--no-undefined) $(PUBLIC_OBJ) $(LIBS) -o $@
$(BUILD)/$(SONAME): $(SHARED)
	$(Q)ln -sf $(<F) $@
$(BUILD)/libwinclip.so: $(BUILD)/$(SONAME)
	$(Q)ln -sf $(<F) $@
$(STATIC): $(PUBLIC_OBJ)
	$(SAY) AR $@
	$(Q)rm -f $@
	$(Q)$(CC) -r -nostdlib $(PUBLIC_OBJ) -o $(BUILD)/winclip-all.o
	$(Q)objcopy -w --keep-global-symbol='winclip_*' $(BUILD)/winclip-all.o
	$(Q)$(AR) rcs $@ $(BUILD)/winclip-all.o
$(BUILD)/winclip.pc: src/winclip/winclip.pc.in FORCE
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@LIBS@|$(LDFLAGS) $(LIBS)|' $< > $@

$(BUILD)/tests/%.t: tests/%.c $(LIB) $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) TEST $@
	$(Q)$(MPICC) $(ALL_CFLAGS) -Itests -MMD -MP -MF $@.d $< $(LIB) $(LDFLAGS) $(LIBS) -o $@

$(FUZZ_REPLAY): $(BUILD)/tests/fuzz-%.t: tests/fuzz/fuzz-%.c tests/fuzz/replay.c $(FUZZ_COMMON) $(LIB) $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) TEST $@
	$(Q)$(CC) $(ALL_CFLAGS) -Itests -DFUZZ_FOLDERS='"tests/fuzz/corpus/$*$(FUZZ_ALSO_$*)"' $< tests/fuzz/replay.c \
	    tests/fuzz/fuzz.c $(LIB) $(LDFLAGS) $(LIBS) -o $@

TEST_ENV = WINCLIP=$(abspath $(PROGRAM)) GOLDEN_TOOL=$(abspath $(TEST_TOOL)) WC_TEST_TMP=$(abspath $(BUILD))/tmp OMPI_ALLOW_RUN_AS_ROOT=1 \
           OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 $(if $(WC_TEST_FULL),WC_TEST_FULL=1) $(if $(WC_TAP),WC_TAP=$(WC_TAP))
check: $(PROGRAM) $(LIBRARIES) $(TEST_BIN) $(TEST_TOOL) ## build everything and run all tests
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) prove --exec 'sh tests/tap.sh' $(TEST_BIN) $(TEST_SH)
check-unit: $(TEST_BIN) ## the compiled tests only
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) prove --exec '' $(TEST_BIN)
check-full: ## as check, with every step of the sweeps instead of a sample; then the table of tests/README.md
	rm -rf $(BUILD)/tap && mkdir -p $(BUILD)/tap
	$(MAKE) WC_TEST_FULL=1 WC_TAP=$(abspath $(BUILD))/tap check
	$(MAKE) table
table: ## the table of tests/README.md from the last check-full
	@sh tests/table.sh $(BUILD)/tap <tests/promises.tsv >$(BUILD)/table.md
	@sed -e '/^<!-- table -->/r $(BUILD)/table.md' -e '/^|/d' tests/README.md >$(BUILD)/README.md && \
	    cp $(BUILD)/README.md tests/README.md
# Another MPI beside the default one (Debian: mpich, libmpich-dev). gcc takes MPICH's MPI_STATUSES_IGNORE for an array.
MPICH_TESTS = tests/t900-sample.sh tests/t905-golden-ranks.sh tests/t930-resume.sh
check-mpich: ## build with MPICH and run the tests of several ranks
	$(MAKE) BUILD=$(BUILD)/mpich MPICC=mpicc.mpich CFLAGS='$(CFLAGS) -Wno-stringop-overflow' check-mpich-run
check-mpich-run: $(PROGRAM) $(TEST_TOOL)
	@mkdir -p $(BUILD)/tmp $(BUILD)/bin
	@printf '#!/bin/sh\nexec mpirun.mpich "$$@"\n' >$(BUILD)/bin/mpirun && chmod +x $(BUILD)/bin/mpirun
	PATH=$(abspath $(BUILD))/bin:$$PATH $(TEST_ENV) prove --exec '' $(MPICH_TESTS)
check-asan: ## the compiled tests under AddressSanitizer and UBSan
	$(MAKE) BUILD=$(BUILD)/asan OPT=-O1 SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	    -fno-omit-frame-pointer' check-asan-run
check-asan-run: $(PROGRAM) $(TEST_BIN)
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) WC_ASAN=1 ASAN_OPTIONS=detect_leaks=1 prove --exec '' $(TEST_BIN)
# COVERAGE_DETAIL="base eval": these folders file by file, with the lines that no test reached.
COVERAGE_TESTS = $(TEST_BIN) $(TEST_SH)
coverage: ## lines and branches that the tests reach, by folder (gcov; takes as long as check)
	$(MAKE) BUILD=$(BUILD)/cov OPT=-O1 SANITIZE='--coverage -fprofile-update=atomic' coverage-run
coverage-run: $(PROGRAM) $(TEST_BIN) $(TEST_TOOL)
	@mkdir -p $(BUILD)/tmp
	@find $(BUILD) -name '*.gcda' -delete
	-$(TEST_ENV) prove -Q --exec '' $(COVERAGE_TESTS)
	@sh tests/coverage.sh $(BUILD) $(COVERAGE_DETAIL)
check-slurm: $(PROGRAM) ## real Slurm jobs on this machine, in namespaces (root; apt install slurm-wlm munge)
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) prove -v --exec '' $(sort $(wildcard tests/slurm/t[0-9]*.sh))
# New inputs are kept under build/; `make fuzz-corpus` replaces the committed ones by the fewest of both that
# reach the same code.
FUZZ_MAKE = $(MAKE) BUILD=$(BUILD)/fuzz CC=clang OPT=-O1 SANITIZE='-fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
FUZZ_OBJ  = $(filter-out $(foreach d,method winclip eval report sched demo cli,$(BUILD)/src/$(d)/%),$(LIB_OBJ))
fuzz: ## run every fuzz target for FUZZ_SECONDS (60; needs clang with libFuzzer)
	$(FUZZ_MAKE) fuzz-run
fuzz-corpus: ## minimise tests/fuzz/corpus together with what `make fuzz` found
	$(FUZZ_MAKE) fuzz-merge
fuzz-run: $(FUZZ_BIN)
	@mkdir -p $(BUILD)/log; bad=0; for n in $(FUZZ_NAMES); do mkdir -p $(BUILD)/corpus/$$n; echo "fuzz: $$n"; \
	    OMP_NUM_THREADS=1 $(BUILD)/fuzz-$$n -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -malloc_limit_mb=256 \
	    -timeout=10 -artifact_prefix=$(BUILD)/crash-$$n- $(BUILD)/corpus/$$n tests/fuzz/corpus/$$n \
	    >>$(BUILD)/log/$$n.log 2>&1 || { tail -n 20 $(BUILD)/log/$$n.log; bad=1; }; done; \
	    sh tests/fuzz/table.sh $(BUILD)/log; [ $$bad -eq 0 ]
fuzz-merge: $(FUZZ_BIN)
	@set -e; for n in $(FUZZ_NAMES); do rm -rf $(BUILD)/least/$$n; \
	    mkdir -p $(BUILD)/corpus/$$n $(BUILD)/least/$$n tests/fuzz/corpus/$$n; \
	    OMP_NUM_THREADS=1 $(BUILD)/fuzz-$$n -set_cover_merge=1 -max_len=8192 $(BUILD)/least/$$n \
	        tests/fuzz/corpus/$$n $(BUILD)/corpus/$$n; \
	    rm -rf tests/fuzz/corpus/$$n; cp -R $(BUILD)/least/$$n tests/fuzz/corpus/$$n; done
$(FUZZ_BIN): $(BUILD)/fuzz-%: tests/fuzz/fuzz-%.c $(FUZZ_COMMON) $(FUZZ_OBJ) $(BUILD)/flags
	$(SAY) FUZZ $@
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -Itests $< tests/fuzz/fuzz.c $(FUZZ_OBJ) $(LDFLAGS) $(LIBS) -o $@

bench-variants: $(PROGRAM) ## cost of {0,1,2,4} shots x 5 seeds against one zero-shot pass, as a ratio
	WINCLIP=$(abspath $(PROGRAM)) sh tests/bench-variants.sh
check-layers: ## prove that sources include only their own and lower layers
	sh tests/check-layers.sh
check-headers: $(BUILD)/flags ## prove that each header compiles alone
	@set -e; for h in $(sort $(wildcard src/*/*.h include/*.h tests/*.h tests/fuzz/*.h)); do \
	    $(MPICC) $(ALL_CFLAGS) -Itests -Werror -fsyntax-only -x c $$h || exit 1; done; echo "headers: all compile alone"

FORMAT_FILES = $(sort $(wildcard src/*/*.[ch] include/*.h examples/*.c tests/*.[ch]))
format: ## clang-format all sources in place
	clang-format -i $(FORMAT_FILES)
check-format: ## fail when a source is not formatted
	@clang-format --dry-run --Werror $(FORMAT_FILES) && echo "format: $(words $(FORMAT_FILES)) files"
lint: ## cppcheck over the sources
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem -Isrc -Iinclude src

# Tables and files of one instruction set each are left out: they say nothing, at length.
ANALYSED    = $(filter-out %_data.c %_avx2.c %_avx512.c %_sha_ni.c,$(SRC))
MPI_CFLAGS := $(shell $(MPICC) --showme:compile 2>/dev/null || $(MPICC) -compile-info 2>/dev/null | tr ' ' '\n' | grep '^-I')
tidy: ## clang-tidy: bugprone, cert and clang's analyser (.clang-tidy says what is left out, and why)
	clang-tidy --quiet $(ANALYSED) -- $(filter-out -f% -O%,$(ALL_CFLAGS)) -fopenmp $(MPI_CFLAGS)
analyse: ## gcc's analyser over the sources, a file at a time
	@bad=0; for f in $(ANALYSED); do $(MPICC) $(filter-out -O%,$(ALL_CFLAGS)) -O1 -DWC_ANALYSER -fanalyzer \
	    $(ANALYSER_OFF) -Werror -c $$f -o /dev/null || bad=$$((bad + 1)); done; \
	    echo "analyse: $(words $(ANALYSED)) files, $$bad with findings"; [ $$bad -eq 0 ]
# gcc 12 says it of values without a name, in every file.
ANALYSER_OFF = -Wno-analyzer-use-of-uninitialized-value

# Everything that install puts somewhere, and uninstall takes away again.
SHARE   := $(DESTDIR)$(PREFIX)/share
DATA    := $(SHARE)/winclip-mpi
INC     := $(DESTDIR)$(PREFIX)/include
LIBROOT := $(DESTDIR)$(LIBDIR)
DATA_DIRS := configs jobs prompts slurm examples tests/data/sample tests/data/textile
INSTALLED := $(DESTDIR)$(PREFIX)/bin/winclip-mpi $(INC)/winclip.h $(LIBROOT)/libwinclip.a $(LIBROOT)/libwinclip.so \
             $(LIBROOT)/$(SONAME) $(LIBROOT)/$(notdir $(SHARED)) $(LIBROOT)/pkgconfig/winclip.pc \
             $(SHARE)/man/man1/winclip-mpi.1 $(SHARE)/bash-completion/completions/winclip-mpi \
             $(SHARE)/zsh/site-functions/_winclip-mpi

# From the option tables, so the program writes them itself; what it prints besides is no part of them.
manual: $(BUILD)/share/made ## man page and shell completions, under build/share
$(BUILD)/share/made: $(PROGRAM)
	@mkdir -p $(BUILD)/share
	$(SAY) MANUAL $(BUILD)/share
	$(Q)$(PROGRAM) help --man $(BUILD)/share/winclip-mpi.1 --bash $(BUILD)/share/winclip-mpi \
	    --zsh $(BUILD)/share/_winclip-mpi >/dev/null
	@touch $@

demo: $(PROGRAM) ## the built-in tiny model on procedural photos: needs no weights, no data, no network
	$(PROGRAM) demo
install: $(PROGRAM) $(LIBRARIES) $(BUILD)/winclip.pc $(BUILD)/share/made ## install program, library, manual, configurations (PREFIX, LIBDIR, DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/bin $(INC) $(LIBROOT)/pkgconfig $(SHARE)/man/man1 $(SHARE)/bash-completion/completions \
	    $(SHARE)/zsh/site-functions $(DATA)
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/winclip-mpi
	install -m 644 include/winclip.h $(INC)/winclip.h
	install -m 644 $(STATIC) $(LIBROOT)/libwinclip.a
	install -m 755 $(SHARED) $(LIBROOT)/$(notdir $(SHARED))
	ln -sf $(notdir $(SHARED)) $(LIBROOT)/$(SONAME)
	ln -sf $(SONAME) $(LIBROOT)/libwinclip.so
	install -m 644 $(BUILD)/winclip.pc $(LIBROOT)/pkgconfig/winclip.pc
	install -m 644 $(BUILD)/share/winclip-mpi.1 $(SHARE)/man/man1/winclip-mpi.1
	install -m 644 $(BUILD)/share/winclip-mpi $(SHARE)/bash-completion/completions/winclip-mpi
	install -m 644 $(BUILD)/share/_winclip-mpi $(SHARE)/zsh/site-functions/_winclip-mpi
	for d in $(DATA_DIRS); do if [ -d $$d ]; then \
	    mkdir -p $(DATA)/$$d && cp -R $$d/. $(DATA)/$$d/ || exit 1; fi; done
	install -m 644 README.md CHANGELOG.md LICENSE NOTICE $(DATA)/
	chmod -R a+rX,go-w $(DATA)
uninstall: ## remove what install put there, with the same PREFIX, LIBDIR, DESTDIR
	rm -f $(INSTALLED)
	rm -rf $(DATA)
	for d in $(LIBROOT)/pkgconfig $(SHARE)/man/man1 $(SHARE)/man $(SHARE)/bash-completion/completions \
	    $(SHARE)/bash-completion $(SHARE)/zsh/site-functions $(SHARE)/zsh; do \
	    [ ! -d $$d ] || rmdir $$d 2>/dev/null || true; done
dist: ## the committed tree as build/winclip-mpi-VERSION.tar.gz, the same bytes each time
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "dist: this is no git checkout" >&2; exit 1; }
	@mkdir -p $(BUILD)
	git archive --prefix=winclip-mpi-$(VERSION)/ HEAD | gzip -9n > $(BUILD)/winclip-mpi-$(VERSION).tar.gz
clean: ## remove build/
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(TEST_BIN:=.d) $(TEST_TOOL:=.d)
