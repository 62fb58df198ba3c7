/* tests/unit/said.h -- what a machine under test did, as text: for machines that answer in
 * actions. */
#ifndef TANDEM_TESTS_UNIT_SAID_H
#define TANDEM_TESTS_UNIT_SAID_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char said[8192];

/* Append to what was said; what is beyond its room is cut. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    size_t size = strlen(said);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said + size, sizeof said - size, format, arguments);
    va_end(arguments);
}

#endif
