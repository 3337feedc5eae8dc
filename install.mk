# make install PREFIX=/usr/local DESTDIR=

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/sammed2d
	install $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(LIB_A) $(DESTDIR)$(PREFIX)/lib/
	install $(LIB_SO) $(DESTDIR)$(PREFIX)/lib/
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libsammed2d.so
	install -m 644 include/sammed2d/*.h $(DESTDIR)$(PREFIX)/include/sammed2d/
