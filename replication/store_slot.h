/* replication/store_slot.h -- one order in the file of store.h, to and from its slot. Pure. */
#ifndef TANDEM_REPLICATION_STORE_SLOT_H
#define TANDEM_REPLICATION_STORE_SLOT_H

#include "replication/record.h"

enum { STORE_SLOT_SIZE = 512 };

void store_slot_encode(const struct record *record, uint8_t slot[STORE_SLOT_SIZE]);

/* False when its sum is wrong, or it holds no record of an order; *record is undefined then. */
bool store_slot_decode(const uint8_t slot[STORE_SLOT_SIZE], struct record *record);

/* Put the sum of what the slot holds in its place. */
void store_slot_seal(uint8_t slot[STORE_SLOT_SIZE]);

#endif
