/* hold-thread PID NAME MS: stops that one thread of a process, as a disk that does not answer stops
 * it, and lets it go on after so long. Prints "held" when it stands still. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_name(const char *process, const char *thread, const char *name)
{
    char path[300], text[32] = "";
    snprintf(path, sizeof path, "/proc/%s/task/%s/comm", process, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool is_read = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return is_read && strcmp(text, name) == 0;
}

static pid_t find_thread(const char *process, const char *name)
{
    char path[64];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%.20s/task", process);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.' && has_name(process, entry->d_name, name))
            found = atoi(entry->d_name);
    if (folder != NULL)
        closedir(folder);
    return found;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 100;
    pid_t thread = find_thread(argv[1], argv[2]);
    int status;
    if (thread == 0 || ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0 ||
        ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0 || waitpid(thread, &status, __WALL) < 0) {
        perror("hold-thread");
        return 111;
    }
    puts("held");
    fflush(stdout);
    usleep((useconds_t)atoi(argv[3]) * 1000);
    return ptrace(PTRACE_DETACH, thread, NULL, NULL) == 0 ? 0 : 111;
}
