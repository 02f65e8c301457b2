/* Calls of every program that loads this are done, and every so-manyth inside LOSE_IN then looks failed, as after a
 * lost reply of an NFS server: LOSE_EVERY says how often; each is told of in the file LOSE_TOLD by one line. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_lost(const char *call, const char *path) {
    static atomic_long calls;
    const char *root = getenv("LOSE_IN"), *every = getenv("LOSE_EVERY"), *told = getenv("LOSE_TOLD");
    if (!root || !every || !told || strncmp(path, root, strlen(root)) || ++calls % atol(every)) return 0;
    int file = open(told, O_WRONLY | O_APPEND | O_CREAT, 0600);
    dprintf(file, "%s\n", call);
    close(file);
    return 1;
}

#define LOSE(call, parameters, arguments, path, code) \
    int call parameters { \
        int (*real) parameters = dlsym(RTLD_NEXT, #call); \
        int answer = real arguments; \
        if (answer || !is_lost(#call, path)) return answer; \
        errno = code; \
        return -1; \
    }

LOSE(link, (const char *from, const char *to), (from, to), to, EEXIST)
LOSE(rename, (const char *from, const char *to), (from, to), to, ENOENT)
LOSE(unlink, (const char *path), (path), path, ENOENT)
LOSE(mkdir, (const char *path, mode_t mode), (path, mode), path, EEXIST)
LOSE(rmdir, (const char *path), (path), path, ENOENT)
