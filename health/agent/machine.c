#include "health/agent/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INTERFACES_MAX = 64, ADDRESS_SIZE = 24 };

struct addresses {
    size_t count;
    char texts[INTERFACES_MAX][ADDRESS_SIZE];
};

static size_t read_text(const char *path, char *text, size_t size)
{
    memset(text, 0, size);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    return got < 0 ? 0 : (size_t)got;
}

static void add_file(crypto_generichash_state *state, const char *path)
{
    char text[128];
    size_t size = read_text(path, text, sizeof text);
    crypto_generichash_update(state, (const uint8_t *)text, size);
    crypto_generichash_update(state, (const uint8_t *)"\n", 1);
}

/* Sorted as they come, for the kernel gives them in no order. */
static void add_address(struct addresses *self, const char *text)
{
    size_t place = self->count;
    if (self->count == INTERFACES_MAX)
        return;
    while (place > 0 && strcmp(self->texts[place - 1], text) > 0) {
        memcpy(self->texts[place], self->texts[place - 1], ADDRESS_SIZE);
        place--;
    }
    snprintf(self->texts[place], ADDRESS_SIZE, "%s", text);
    self->count++;
}

static void list_addresses(struct addresses *devices, struct addresses *all)
{
    DIR *folder = opendir("/sys/class/net");
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char path[512], text[ADDRESS_SIZE];
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lo") == 0)
            continue;
        snprintf(path, sizeof path, "/sys/class/net/%s/address", entry->d_name);
        read_text(path, text, sizeof text);
        add_address(all, text);
        snprintf(path, sizeof path, "/sys/class/net/%s/device", entry->d_name);
        if (access(path, F_OK) == 0)
            add_address(devices, text);
    }
    if (folder != NULL)
        closedir(folder);
}

void machine_id(uint8_t id[MACHINE_ID_SIZE])
{
    crypto_generichash_state state;
    struct addresses devices = {0}, all = {0};
    crypto_generichash_init(&state, NULL, 0, MACHINE_ID_SIZE);
    add_file(&state, "/etc/machine-id");
    add_file(&state, "/sys/class/dmi/id/product_uuid");
    list_addresses(&devices, &all);
    const struct addresses *used = devices.count > 0 ? &devices : &all;
    for (size_t i = 0; i < used->count; i++)
        crypto_generichash_update(&state, (const uint8_t *)used->texts[i], strlen(used->texts[i]));
    crypto_generichash_final(&state, id, MACHINE_ID_SIZE);
}
