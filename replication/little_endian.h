/* replication/little_endian.h -- numbers of 1 to 8 bytes in our files, least significant first. */
#ifndef TANDEM_REPLICATION_LITTLE_ENDIAN_H
#define TANDEM_REPLICATION_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

static inline void put_number(uint8_t *bytes, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
}

static inline uint64_t get_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

#endif
