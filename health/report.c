#include "health/report.h"

#include <assert.h>

enum {
    KEY_SERVICES = 1,
    KEY_CPU = 2,
    KEY_MEMORY = 3,
    KEY_DISK = 4,
    KEY_RECEIVED = 5,
    KEY_SENT = 6,
    KEY_COUNT = 6,
    SERVICE_FIELDS = 5
};

static const char *const reason_texts[REPORT_REASON_COUNT] = {
    [REPORT_OK] = "ok",
    [REPORT_MALFORMED] = "report-malformed",
    [REPORT_MISSING_FIELD] = "report-missing-field",
    [REPORT_BAD_FIELD] = "report-bad-field",
    [REPORT_DUPLICATE_PORT] = "report-duplicate-port",
};

const char *report_reason_text(enum report_reason reason)
{
    assert(reason < REPORT_REASON_COUNT);
    return reason_texts[reason];
}

static void pack_pair(struct pack_writer *writer, uint64_t key, uint64_t value)
{
    pack_uint(writer, key);
    pack_uint(writer, value);
}

size_t report_encode(const struct report *self, uint8_t *value)
{
    assert(self->service_count <= REPORT_SERVICES_MAX);
    assert(self->cpu_permille <= 1000);
    assert(self->memory_permille <= 1000);
    assert(self->disk_permille <= 1000);
    struct pack_writer writer;
    pack_begin(&writer, value, RECORD_VALUE_MAX);
    pack_map(&writer, KEY_COUNT);
    pack_uint(&writer, KEY_SERVICES);
    pack_array(&writer, (uint32_t)self->service_count);
    for (size_t i = 0; i < self->service_count; i++) {
        const struct report_service *service = &self->services[i];
        pack_array(&writer, SERVICE_FIELDS);
        pack_uint(&writer, service->port);
        pack_bool(&writer, service->listening);
        pack_uint(&writer, service->sockets);
        pack_uint(&writer, service->queue);
        pack_uint(&writer, service->queue_max);
    }
    pack_pair(&writer, KEY_CPU, self->cpu_permille);
    pack_pair(&writer, KEY_MEMORY, self->memory_permille);
    pack_pair(&writer, KEY_DISK, self->disk_permille);
    pack_pair(&writer, KEY_RECEIVED, self->received_bytes_per_s);
    pack_pair(&writer, KEY_SENT, self->sent_bytes_per_s);
    assert(!writer.overflowed);
    return writer.size;
}

static bool get_u32(const struct msgpack_object *object, uint32_t *value)
{
    uint64_t wide;
    if (!pack_get_uint(object, UINT32_MAX, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static enum report_reason decode_service(struct report *self, const struct msgpack_object *array)
{
    struct report_service *service = &self->services[self->service_count];
    uint64_t port;
    if (!pack_is_array(array))
        return REPORT_BAD_FIELD;
    if (pack_count(array) < SERVICE_FIELDS)
        return REPORT_MISSING_FIELD;
    if (!pack_get_uint(pack_at(array, 0), UINT16_MAX, &port) || port == 0 ||
        !pack_get_bool(pack_at(array, 1), &service->listening) ||
        !get_u32(pack_at(array, 2), &service->sockets) ||
        !get_u32(pack_at(array, 3), &service->queue) ||
        !get_u32(pack_at(array, 4), &service->queue_max))
        return REPORT_BAD_FIELD;
    if (report_service(self, (uint16_t)port) != NULL)
        return REPORT_DUPLICATE_PORT;
    service->port = (uint16_t)port;
    self->service_count++;
    return REPORT_OK;
}

static enum report_reason decode_services(struct report *self, struct pack_space *space,
                                          const struct msgpack_object *array)
{
    if (array == NULL)
        return REPORT_MISSING_FIELD;
    if (!pack_is_array(array) || pack_count(array) > REPORT_SERVICES_MAX)
        return REPORT_BAD_FIELD;
    for (size_t i = 0; i < pack_count(array); i++) {
        enum report_reason reason = decode_service(self, pack_at(array, i));
        if (reason != REPORT_OK)
            return reason;
        pack_pass_elements(space, pack_at(array, i), SERVICE_FIELDS);
    }
    return REPORT_OK;
}

static enum report_reason decode_permille(const struct msgpack_object *map, uint64_t key,
                                          uint16_t *permille)
{
    const struct msgpack_object *object = pack_get(map, key);
    uint64_t value;
    if (object == NULL)
        return REPORT_MISSING_FIELD;
    if (!pack_get_uint(object, 1000, &value))
        return REPORT_BAD_FIELD;
    *permille = (uint16_t)value;
    return REPORT_OK;
}

static enum report_reason decode_rate(const struct msgpack_object *map, uint64_t key,
                                      uint64_t *rate)
{
    const struct msgpack_object *object = pack_get(map, key);
    if (object == NULL)
        return REPORT_MISSING_FIELD;
    return pack_get_uint(object, UINT64_MAX, rate) ? REPORT_OK : REPORT_BAD_FIELD;
}

enum report_reason report_decode(struct report *self, struct pack_space *space,
                                 const uint8_t *value, size_t size)
{
    const struct msgpack_object *map;
    *self = (struct report){0};
    if (pack_parse(space, value, size, &map) != PACK_OK)
        return REPORT_MALFORMED;
    pack_pass_keys(space, PACK_UNKNOWN_VALUE_FIELD, map, pack_keys(KEY_SERVICES, KEY_COUNT));
    enum report_reason reasons[] = {
        decode_services(self, space, pack_get(map, KEY_SERVICES)),
        decode_permille(map, KEY_CPU, &self->cpu_permille),
        decode_permille(map, KEY_MEMORY, &self->memory_permille),
        decode_permille(map, KEY_DISK, &self->disk_permille),
        decode_rate(map, KEY_RECEIVED, &self->received_bytes_per_s),
        decode_rate(map, KEY_SENT, &self->sent_bytes_per_s),
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i] != REPORT_OK)
            return reasons[i];
    return REPORT_OK;
}

const struct report_service *report_service(const struct report *self, uint16_t port)
{
    for (size_t i = 0; i < self->service_count; i++)
        if (self->services[i].port == port)
            return &self->services[i];
    return NULL;
}
