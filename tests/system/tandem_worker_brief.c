/* tests/system/tandem_worker_brief.c -- tandem-worker, but that it may die 50 ms after its start.
 *
 *   tandem-worker-brief ARGS...      for deploy/pair up --worker
 *
 * Becomes the tandem-worker beside it, or in the folder above, with the same arguments. While the
 * file BRIEF_LIFE is there, an alarm goes along, which that one does not know of and which kills
 * it: so it is the real worker that dies, wherever its start has come to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { LIFE_US = 50000, PATH_SIZE_MAX = 4096, EXIT_SYSTEM = 111 };

int main(int argc, char **argv)
{
    static const char name[] = "tandem-worker";
    char path[PATH_SIZE_MAX];
    const char *file = getenv("BRIEF_LIFE"), *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (file == NULL || slash == NULL) {
        fputs("tandem-worker-brief: needs BRIEF_LIFE, and to be called by its path\n", stderr);
        return EXIT_SYSTEM;
    }
    const struct itimerval life = {.it_value = {.tv_usec = LIFE_US}};
    if (access(file, F_OK) == 0 && setitimer(ITIMER_REAL, &life, NULL) < 0)
        return EXIT_SYSTEM;
    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - argv[0]), argv[0], name);
    execv(path, argv);
    snprintf(path, sizeof path, "%.*s/../%s", (int)(slash - argv[0]), argv[0], name);
    execv(path, argv);
    return EXIT_SYSTEM;
}
