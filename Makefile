BUILD ?= build
CC ?= gcc

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)
	@ln -sf stasis $(BUILD)/criu

$(BUILD)/build.ninja:
	CC=$(CC) meson setup $(BUILD)

.PHONY: all
