#include "node/show_parts.h"

/* Seconds from then to now by this node's wall clock (NODE_CLOCK); null without. */
static json_t *seconds(const struct node *node, int64_t now_ms, uint64_t from_s, bool is_left)
{
    if (from_s == 0 || !node->knows_wall)
        return json_null();
    int64_t ago_s = (now_ms + node->wall_offset_ms) / 1000 - (int64_t)from_s;
    int64_t shown_s = is_left ? -ago_s : ago_s;
    return json_integer(shown_s > 0 ? shown_s : 0);
}

static json_t *show_order(const struct node *node, int64_t now_ms, const struct order *order)
{
    char word[TRANSITION_WORD_MAX + 1];
    order_word(order, word, sizeof word);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "subject", order->subject, "order", word,
                     "author", order->author, "because", order->because, "given_s",
                     seconds(node, now_ms, order->given_s, false), "left_s",
                     seconds(node, now_ms, order->until_s, true));
}

json_t *show_orders(const struct node *node, int64_t now_ms)
{
    struct pack_space space;
    json_t *list = json_array();
    pack_space_open(&space);
    for (size_t i = 0; i < node->table.count; i++) {
        const struct table_entry *entry = table_at(&node->table, i);
        struct order order;
        if (entry->key.kind == RECORD_ORDER &&
            order_decode(&order, &space, &entry->key, entry->value, entry->value_size) ==
                ORDER_OK &&
            order_is_in_force(&order))
            json_array_append_new(list, show_order(node, now_ms, &order));
    }
    pack_space_close(&space);
    return json_pack("{s:s, s:i, s:o}", "asked", node->plan.document->nodes[node->config.self].name,
                     "exit", 0, "orders", list);
}
