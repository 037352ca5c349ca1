/* SPDX-License-Identifier: MIT */
/* Links neither Holdfast nor Concurrency Kit: loads the library it is given and calls it. */
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    const char *(*version)(void) = NULL;
    void *library = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;

    if (library)
        *(void **)&version = dlsym(library, "hf_version");
    if (!version) {
        fprintf(stderr, "%s\n", count == 2 ? dlerror() : "usage: loader LIBRARY");
        return 1;
    }
    puts(version());
    return dlclose(library);
}
