/* node/asked.h -- what tandemctl asks, from its line of JSON (node/control.h) to an order or a
 * token. No clock, socket or file: what is not in the request is given.
 *
 * Refused is whatever is not within the bounds of its field. Whether there is such a server, pool
 * or node is for who knows them to say. */
#ifndef TANDEM_NODE_ASKED_H
#define TANDEM_NODE_ASKED_H

#include <jansson.h>

#include "node/enrolment.h"

/* A line, without its end, as an object, to be given back with json_decref; NULL when it is none,
 * or names something twice. */
json_t *asked_parse(const char *line, size_t size);

/* A text of the request; "" when it is not given, or is no text. It lives as long as json. */
const char *asked_text(const json_t *json, const char *key);

/* Is it an order that asked_order reads? */
bool asked_is_order(const char *command);

/* Each returns NULL, or the sentence that says what is wrong, and then what it filled is
 * undefined. now_s: wall clock. Who gave it is the caller's to say, before or after. */

/* *order holds zeroes, and for a handover whose home it is when the request names none. Of "set"
 * the numbers are still to be read: asked_group. */
const char *asked_order(const json_t *json, uint64_t now_s, struct order *order);

/* What is not given stays as it is now. */
const char *asked_group(const json_t *json, uint32_t group_size, uint32_t rounds,
                        struct order *order);

/* *token holds zeroes; its id and digest are the caller's. */
const char *asked_token(const json_t *json, uint64_t now_s, struct token *token);

#endif
