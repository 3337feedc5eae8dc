# The one list of what sammed2d stands on: Debian package names, and how to compile against them.

DEB_BUILD := build-essential pkg-config libopenblas-openmp-dev libhdf5-dev libnifti-dev \
             libpng-dev zlib1g-dev libjansson-dev libzip-dev libmd-dev libdcmtk-dev libopenjp2-7-dev
DEB_TEST  := libcmocka-dev perl mandoc python3-numpy python3-scipy python3-nibabel python3-h5py \
             python3-pydicom python3-gdcm dicom3tools dcm2niix
DEB_FUZZ  := clang libclang-rt-dev libomp-dev

# pkg-config where the library has a .pc file; Debian's niftilib has none. ./configure may have asked.
PKGS       := hdf5 openblas libpng zlib jansson libzip libmd
ifndef PKG_LIBS
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null) -I/usr/include/nifti
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lnifti2 -lznz
endif

# Only src/dicom sees these headers. DCMTK's .pc file names every module it has; the ones we use are these.
DICOM_CFLAGS := $(shell pkg-config --cflags libopenjp2 2>/dev/null)
DICOM_LIBS   := -ldcmseg -ldcmfg -ldcmiod -ldcmjpeg -ldcmjpls -ldcmdata -loflog -lofstd \
                $(shell pkg-config --libs libopenjp2 2>/dev/null)

# Asks the network only for what is missing.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
installed = dpkg-query -W -f '$${Status}\n' $(1) 2>&1 | grep -v '^install ok installed$$'
apt_get   = if $(call installed,$(1)); then $(SUDO) apt-get update -qq && \
            $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(1); fi

.PHONY: deps deps-fuzz
deps:
	@$(call apt_get,$(DEB_BUILD) $(DEB_TEST))
deps-fuzz:
	@$(call apt_get,$(DEB_FUZZ))
