# sammed2d: plain `make` builds a fresh checkout; ./configure is optional and only writes config.mk.
#
#   make                      build/sammed2d, build/libsammed2d.a, build/libsammed2d.so
#   make deps                 install the Debian packages (sudo when not root)
#   make check                all tests under ten minutes     make check-long   the rest
#   make weights              trains the default model anew (slow)
#   make demo                 segment the bundled phantoms    make install PREFIX= DESTDIR=
#   switches                  DEBUG=1  SANITIZE=address,undefined  NATIVE=1  BUILD=dir  V=1 (show commands)
#
# A new source file needs no line here: every folder is found by wildcard.

-include config.mk

PREFIX  ?= /usr/local
BUILD   ?= build
VERSION := 0.1.0
SONAME  := libsammed2d.so.0

.DEFAULT_GOAL := all
include deps.mk

# `make deps demo`: what deps installs decides how the rest is compiled, so the other goals run in one
# make of their own once the packages are there.
AFTER_DEPS := $(filter-out deps deps-fuzz,$(MAKECMDGOALS))
ifneq ($(if $(AFTER_DEPS),$(filter deps deps-fuzz,$(MAKECMDGOALS))),)
.PHONY: $(AFTER_DEPS) after-deps
$(AFTER_DEPS): after-deps ; @:
after-deps: $(filter deps deps-fuzz,$(MAKECMDGOALS))
	+@$(MAKE) --no-print-directory $(AFTER_DEPS)
else

CSTD       := -std=c11 -D_GNU_SOURCE
CXXSTD     := -std=c++17 -D_GNU_SOURCE
WARNINGS   := -Wall -Wextra -Wshadow -Wpointer-arith -Wvla -Wformat=2
# clang would say that an `omp simd` loop stayed a loop.
ifneq ($(findstring clang,$(CC)),)
WARNINGS   += -Wno-pass-failed
endif
HARDENING  := -fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing
OPTIMISE   := -O2 -D_FORTIFY_SOURCE=2
ifdef DEBUG
OPTIMISE   := -Og -g3
endif
ifdef NATIVE
OPTIMISE   += -march=native
endif
ifdef SANITIZE
OPTIMISE   := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
SANLINK    := -fsanitize=$(SANITIZE)
# The C compiler links; clang must be told that there is C++ among the objects.
ifneq ($(findstring clang,$(CC)),)
SANLINK    += -fsanitize-link-c++-runtime
endif
endif

# -ffp-contract=off keeps the weight rule and the geometry exact on machines with FMA; kernels ask
# for FMA where they want it.
# The build's own path stays out of the objects (-ffile-prefix-map), so that builds can be compared.
ALL_CPPFLAGS = -Iinclude -Isrc $(PKG_CFLAGS) -DSM_VERSION='"$(VERSION)"' $(CPPFLAGS)
BOTH_FLAGS   = $(WARNINGS) $(HARDENING) $(OPTIMISE) -fPIC -fopenmp -ffp-contract=off \
               -ffile-prefix-map=$(CURDIR)=.
ALL_CFLAGS   = $(CSTD) $(BOTH_FLAGS) -Wstrict-prototypes $(CFLAGS)
# src/dicom only: DCMTK and OpenJPEG speak C++ there; everything else stays C11.
ALL_CXXFLAGS = $(CXXSTD) $(BOTH_FLAGS) $(DICOM_CFLAGS) $(CXXFLAGS)
ALL_LDFLAGS  = $(SANLINK) -fopenmp -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
LIBS         = $(PKG_LIBS) $(DICOM_LIBS) -lstdc++ -lm

LIB_DIRS := base nn h5 model volume nifti image dicom input dataset pipeline eval synth train checkpoint
LIB_SRC  := $(sort $(foreach d,$(LIB_DIRS),$(wildcard src/$(d)/*.c)))
CMD_SRC  := src/main.c $(sort $(wildcard src/cmd/*.c))
LIB_CXX  := $(sort $(wildcard src/dicom/*.cc))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(LIB_CXX:%.cc=$(BUILD)/obj/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(BUILD)/obj/%.o)

LIB_A   := $(BUILD)/libsammed2d.a
LIB_SO  := $(BUILD)/$(SONAME)
PROGRAM := $(BUILD)/sammed2d

ifndef V
SAY = @echo "  $(1)" $@;
endif

.PHONY: all
all: $(PROGRAM) $(LIB_A) $(LIB_SO)

# Changed flags rebuild: the stamp is written only when the flags differ from those in it.
FLAGS_NOW   := $(CC) $(CXX) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_CXXFLAGS) $(ALL_LDFLAGS) $(LIBS)
FLAGS_STAMP := $(BUILD)/flags
ifneq ($(file <$(FLAGS_STAMP)),$(FLAGS_NOW))
$(shell mkdir -p $(BUILD))
$(file >$(FLAGS_STAMP),$(FLAGS_NOW))
endif

# The loops of nn/simd_loops.h and nn/gemm_*.h: fused multiply-add where the instruction set has it, no errno.
$(BUILD)/obj/src/nn/simd.o $(BUILD)/obj/src/nn/gemm_sets.o: ALL_CFLAGS += -ffp-contract=fast -fno-math-errno -fno-trapping-math

$(BUILD)/obj/%.o: %.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(call SAY,CC)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

.PRECIOUS: $(BUILD)/obj/%.o

$(BUILD)/obj/%.o: %.cc $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(call SAY,C++)$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) -MMD -MP -c $< -o $@

$(LIB_A): $(LIB_OBJ)
	$(call SAY,AR)rm -f $@ && $(AR) rcsD $@ $^

# Only sm_ names leave the shared library.
$(LIB_SO): $(LIB_OBJ) src/libsammed2d.map
	$(call SAY,LINK)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=src/libsammed2d.map $(ALL_LDFLAGS) \
	    $(LIB_OBJ) $(LIBS) -o $@
	@ln -sf $(SONAME) $(BUILD)/libsammed2d.so

$(PROGRAM): $(CMD_OBJ) $(LIB_A)
	$(call SAY,LINK)$(CC) -pie $(ALL_LDFLAGS) $^ $(LIBS) -o $@

include tests/tests.mk
include install.mk
include demo.mk

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

endif
