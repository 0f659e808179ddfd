# winclip-mpi: `make help` lists the targets. Objects lie under build/; nothing is written elsewhere except by install.

VERSION   := 0.1.0
CC        ?= cc
MPICC     ?= mpicc
PREFIX    ?= /usr/local
DESTDIR   ?=
BUILD     ?= build
OPT       ?= -O2
WERROR    ?=
SANITIZE  ?=

# CFLAGS and LDFLAGS are the user's; what the program needs is added to them.
CFLAGS    ?= -g
WARN      := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes $(WERROR)
BASEFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -ffp-contract=off -fno-strict-aliasing -fopenmp \
             $(OPT) $(WARN) $(SANITIZE) -Isrc -Iinclude -DWC_VERSION='"$(VERSION)"'
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

LAYERS := base tensor image text weights config model dataset method eval journal report sched cli
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
FUZZ_ALSO_prompts      := :prompts
FUZZ_COMMON := tests/fuzz/fuzz.c tests/fuzz/fuzz.h tests/fuzz/weights.h
FUZZ_REPLAY := $(FUZZ_NAMES:%=$(BUILD)/tests/fuzz-%.t)
FUZZ_BIN    := $(FUZZ_NAMES:%=$(BUILD)/fuzz-%)
FUZZ_SECONDS ?= 60
TEST_BIN    += $(FUZZ_REPLAY)

.PHONY: all help setup check check-unit bench-variants check-asan check-asan-run fuzz fuzz-run fuzz-corpus fuzz-merge check-layers check-headers format check-format lint install \
        uninstall clean FORCE
.DELETE_ON_ERROR:
all: $(PROGRAM) ## build the program (default)

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
           OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
check: $(PROGRAM) $(TEST_BIN) $(TEST_TOOL) ## build everything and run all tests
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) prove --exec '' $(TEST_BIN) $(TEST_SH)
check-unit: $(TEST_BIN) ## the compiled tests only
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) prove --exec '' $(TEST_BIN)
check-asan: ## the compiled tests under AddressSanitizer and UBSan
	$(MAKE) BUILD=$(BUILD)/asan OPT=-O1 SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	    -fno-omit-frame-pointer' check-asan-run
check-asan-run: $(PROGRAM) $(TEST_BIN)
	@mkdir -p $(BUILD)/tmp
	$(TEST_ENV) WC_ASAN=1 ASAN_OPTIONS=detect_leaks=1 prove --exec '' $(TEST_BIN)
# New inputs are kept under build/; `make fuzz-corpus` adds those that reach new code to the committed ones.
FUZZ_MAKE = $(MAKE) BUILD=$(BUILD)/fuzz CC=clang OPT=-O1 SANITIZE='-fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
FUZZ_OBJ  = $(filter-out $(foreach d,method eval report sched cli,$(BUILD)/src/$(d)/%),$(LIB_OBJ))
fuzz: ## run every fuzz target for FUZZ_SECONDS (60; needs clang with libFuzzer)
	$(FUZZ_MAKE) fuzz-run
fuzz-corpus: ## add what `make fuzz` found to tests/fuzz/corpus
	$(FUZZ_MAKE) fuzz-merge
fuzz-run: $(FUZZ_BIN)
	@set -e; for n in $(FUZZ_NAMES); do mkdir -p $(BUILD)/corpus/$$n tests/fuzz/corpus/$$n; echo "fuzz: $$n"; \
	    OMP_NUM_THREADS=1 $(BUILD)/fuzz-$$n -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -malloc_limit_mb=256 \
	    -timeout=10 -artifact_prefix=$(BUILD)/crash-$$n- $(BUILD)/corpus/$$n tests/fuzz/corpus/$$n; done
fuzz-merge: $(FUZZ_BIN)
	@set -e; for n in $(FUZZ_NAMES); do mkdir -p $(BUILD)/corpus/$$n tests/fuzz/corpus/$$n; \
	    OMP_NUM_THREADS=1 $(BUILD)/fuzz-$$n -merge=1 -max_len=8192 tests/fuzz/corpus/$$n $(BUILD)/corpus/$$n; done
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

FORMAT_FILES = $(sort $(wildcard src/*/*.[ch] include/*.h tests/*.[ch] tests/fuzz/*.[ch]))
format: ## clang-format all sources in place
	clang-format -i $(FORMAT_FILES)
check-format: ## fail when a source is not formatted
	@clang-format --dry-run --Werror $(FORMAT_FILES) && echo "format: $(words $(FORMAT_FILES)) files"
lint: ## cppcheck over the sources
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem -Isrc -Iinclude src

install: $(PROGRAM) ## install program, prompts, configs and scripts (PREFIX, DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/winclip-mpi
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/winclip-mpi
	for d in configs prompts jobs slurm; do \
	    if [ -d $$d ]; then cp -R $$d $(DESTDIR)$(PREFIX)/share/winclip-mpi/; fi; done
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/winclip-mpi
	rm -rf $(DESTDIR)$(PREFIX)/share/winclip-mpi
clean: ## remove build/
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(TEST_BIN:=.d) $(TEST_TOOL:=.d)
