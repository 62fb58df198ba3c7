/* node/word.h -- a short word for people, out of a record. */
#ifndef TANDEM_NODE_WORD_H
#define TANDEM_NODE_WORD_H

#include "replication/pack.h"

/* Copy it into word[size_max + 1]. False when it is no text, is longer, or has anything but
 * printable ASCII without space: then it is of no version of ours. */
static inline bool word_get(const struct msgpack_object *object, char *word, size_t size_max)
{
    return pack_copy_text(object, '!', word, size_max);
}

#endif
