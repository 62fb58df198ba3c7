/* tests/bench/mortal_worker.c -- tandem-worker, but that one query kills it.
 *
 * All of the real worker, linked with --wrap=answer_query: a query whose name begins with the label
 * "death" aborts the thread that has it in hand. So a benchmark and a test have a query of death,
 * and the product has no hook for it. For deploy/pair up --worker. */
#include <stdlib.h>
#include <string.h>

#include "node/dns/answer.h"

void __real_answer_query(const struct answer_request *request, uint8_t *bytes, size_t size,
                         struct answer *answer);
void __wrap_answer_query(const struct answer_request *request, uint8_t *bytes, size_t size,
                         struct answer *answer);

void __wrap_answer_query(const struct answer_request *request, uint8_t *bytes, size_t size,
                         struct answer *answer)
{
    enum { HEADER_SIZE = 12 };
    static const uint8_t death[] = {5, 'd', 'e', 'a', 't', 'h'};
    if (request->size >= HEADER_SIZE + sizeof death &&
        memcmp(request->bytes + HEADER_SIZE, death, sizeof death) == 0)
        abort();
    __real_answer_query(request, bytes, size, answer);
}
