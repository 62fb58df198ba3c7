/* What tandem-worker-next and tandem-agent-next say in place of this version's words. */
#include "next/next.h"
#include "node/order.h"

size_t __real_message_encode(const struct message *self, uint8_t *bytes);
size_t __wrap_message_encode(const struct message *self, uint8_t *bytes);
uint64_t __real_message_protocol(const struct message_hello *hello);
uint64_t __wrap_message_protocol(const struct message_hello *hello);
size_t __real_order_encode(const struct order *self, uint8_t *value);
size_t __wrap_order_encode(const struct order *self, uint8_t *value);

size_t __wrap_message_encode(const struct message *self, uint8_t *bytes)
{
    return next_message(self, bytes, __real_message_encode(self, bytes));
}

uint64_t __wrap_message_protocol(const struct message_hello *hello)
{
    bool has_next = hello->protocol_min <= NEXT_PROTOCOL && hello->protocol_max >= NEXT_PROTOCOL;
    return has_next ? NEXT_PROTOCOL : __real_message_protocol(hello);
}

/* The end of an order is written by whichever node is there: in both versions alike. */
size_t __wrap_order_encode(const struct order *self, uint8_t *value)
{
    size_t size = __real_order_encode(self, value);
    return order_is_in_force(self) ? next_value(value, size) : size;
}
