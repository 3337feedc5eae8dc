# The phantoms and the demo. `make phantoms` makes data/ct and data/mr anew, byte for byte.

PHANTOM_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard data/*.c))

$(BUILD)/make_phantoms: $(PHANTOM_OBJ)
	$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

.PHONY: phantoms
phantoms: $(BUILD)/make_phantoms
	$(BUILD)/make_phantoms data
