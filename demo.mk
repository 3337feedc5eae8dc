# The phantoms and the demo. `make phantoms` makes data/ct and data/mr anew, byte for byte.

PHANTOM_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,data/make_phantoms.c $(wildcard data/phantom_*.c))

$(BUILD)/make_phantoms: $(PHANTOM_OBJ)
	$(call SAY,LINK)$(CC) -pie $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/dice: $(BUILD)/obj/data/dice.o $(LIB_A)
	$(call SAY,LINK)$(CC) -pie $(ALL_LDFLAGS) $^ $(LIBS) -o $@

.PHONY: phantoms demo
phantoms: $(BUILD)/make_phantoms
	$(BUILD)/make_phantoms data

demo: all $(BUILD)/dice
	@BUILD=$(BUILD) data/demo.sh

test-programs: $(BUILD)/make_phantoms $(BUILD)/dice
