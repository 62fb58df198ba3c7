/* tests/system/address_tool.c -- failover/address from the command line, for address.sh.
 *
 *   lease INTERFACE ADDRESS SECONDS | way INTERFACE ADDRESS SECONDS | delete INTERFACE ADDRESS |
 *   residual INTERFACE ADDRESS | present ADDRESS | interface NAME
 *
 * Prints what the function returned: a number, or the name of the error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failover/address.h"

static int call(struct address *address, int argc, char **argv)
{
    const char *verb = argv[1];
    struct ip ip = {0};
    if (strcmp(verb, "interface") == 0)
        return address_interface(argv[2]) > 0 ? 1 : address_interface(argv[2]);
    if (strcmp(verb, "present") == 0)
        return ip_parse(argv[2], &ip) ? address_is_present(address, &ip) : -EINVAL;
    int interface = address_interface(argv[2]);
    if (interface < 0)
        return interface;
    if (argc < 4 || !ip_parse(argv[3], &ip))
        return -EINVAL;
    if (strcmp(verb, "lease") == 0 && argc == 5)
        return address_lease(address, interface, &ip, (uint32_t)strtoul(argv[4], NULL, 10));
    if (strcmp(verb, "way") == 0 && argc == 5)
        return address_open_way(address, interface, &ip, (uint32_t)strtoul(argv[4], NULL, 10));
    if (strcmp(verb, "delete") == 0)
        return address_delete(address, interface, &ip);
    if (strcmp(verb, "residual") == 0)
        return address_remove_residual(address, interface, &ip);
    return -EINVAL;
}

int main(int argc, char **argv)
{
    struct address address = {0};
    if (argc < 3 || address_open(&address) < 0)
        return 1;
    int result = call(&address, argc, argv);
    address_close(&address);
    if (result < 0)
        printf("%s\n", strerrorname_np(-result));
    else
        printf("%d\n", result);
    return 0;
}
