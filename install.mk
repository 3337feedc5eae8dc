# make install PREFIX=/usr/local DESTDIR=; uninstall takes the same variables.
# The program looks for its model in ../share/sammed2d beside its own directory.

LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
SHAREDIR   := $(PREFIX)/share/sammed2d
MAN_PAGES  := $(sort $(wildcard man/*.[1-8]))
HEADERS    := $(sort $(wildcard include/sammed2d/*.h))

define PC_FILE
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(INCLUDEDIR)

Name: sammed2d
Description: SAM-Med2D segmentation of CT and MR studies
Version: $(VERSION)
Requires.private: $(PKGS)
Libs: -L$${libdir} -lsammed2d
Libs.private: -lnifti2 -lznz -lm -fopenmp
Cflags: -I$${includedir}
endef

.PHONY: install uninstall
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/sammed2d \
	    $(DESTDIR)$(SHAREDIR)
	install $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(LIB_A) $(DESTDIR)$(LIBDIR)/
	install -m 644 $(LIB_SO) $(DESTDIR)$(LIBDIR)/
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libsammed2d.so
	$(file >$(BUILD)/sammed2d.pc,$(PC_FILE))install -m 644 $(BUILD)/sammed2d.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)/sammed2d/
	install -m 644 weights/default.h5 $(DESTDIR)$(SHAREDIR)/
	for page in $(MAN_PAGES); do \
	    install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/sammed2d $(DESTDIR)$(LIBDIR)/libsammed2d.* \
	    $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/pkgconfig/sammed2d.pc
	rm -f $(foreach page,$(notdir $(MAN_PAGES)),$(DESTDIR)$(MANDIR)/man$(lastword $(subst ., ,$(page)))/$(page))
	rm -rf $(DESTDIR)$(INCLUDEDIR)/sammed2d $(DESTDIR)$(SHAREDIR)
