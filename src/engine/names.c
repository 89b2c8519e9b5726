#include "engine/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const manners[] = {
    "amber",   "awake",   "bold",  "brave",    "bright", "brisk", "calm",    "candid",
    "clear",   "clever",  "cosy",  "deft",     "eager",  "early", "earnest", "easy",
    "fair",    "fleet",   "fond",  "frosty",   "gentle", "glad",  "golden",  "grand",
    "hardy",   "humble",  "keen",  "kind",     "lively", "loyal", "lucid",   "lucky",
    "mellow",  "merry",   "mild",  "modest",   "nimble", "noble", "patient", "placid",
    "plucky",  "polite",  "proud", "quick",    "quiet",  "ready", "serene",  "silent",
    "sincere", "sleepy",  "snug",  "spry",     "steady", "stoic", "sunny",   "swift",
    "tender",  "thrifty", "tidy",  "tranquil", "upbeat", "vivid", "warm",    "witty",
};

static const char *const people[] = {
    "abel",     "ada",      "banach",       "bernoulli", "bohr",    "boole",    "bose",
    "cantor",   "cauchy",   "cayley",       "celsius",   "chandra", "clarke",   "cori",
    "coulomb",  "curie",    "daguerre",     "darwin",    "dirac",   "einstein", "erdos",
    "euclid",   "euler",    "faraday",      "fermat",    "fermi",   "fourier",  "franklin",
    "galilei",  "galois",   "gauss",        "germain",   "goedel",  "hamilton", "hertz",
    "hilbert",  "hooke",    "hopper",       "huygens",   "hypatia", "jacobi",   "joule",
    "kelvin",   "kepler",   "kovalevskaya", "lagrange",  "lamarr",  "laplace",  "leibniz",
    "linnaeus", "lovelace", "maxwell",      "meitner",   "mendel",  "newton",   "noether",
    "pascal",   "planck",   "poincare",     "raman",     "riemann", "tesla",    "turing",
    "volta",
};

bool name_lookup(const struct engine *engine, const char *name, char id[ENGINE_ID_SIZE])
{
    char path[300];
    if (!*name || strchr(name, '/') ||
        snprintf(path, sizeof(path), "names/%s", name) >= (int)sizeof(path))
        return false;
    ssize_t length = readlinkat(engine->root, path, id, ENGINE_ID_SIZE);
    if (length != ENGINE_ID_SIZE - 1)
        return false;
    id[length] = 0;
    return is_full_id(id);
}

static bool is_valid(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    static const char later[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name);
    return length >= 2 && length <= 200 && strchr(first, name[0]) && strspn(name, later) == length;
}

/* A name may outlive its container where a removal was killed half-way. */
static bool is_left_over(const struct engine *engine, const char *name)
{
    char id[ENGINE_ID_SIZE], path[ENGINE_ID_SIZE + 16];
    struct stat st;
    if (!name_lookup(engine, name, id))
        return false;
    snprintf(path, sizeof(path), "containers/%s", id);
    return fstatat(engine->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

int name_claim(const struct engine *engine, const char *name, const char *id, struct error *e)
{
    char path[300], owner[ENGINE_ID_SIZE] = "";
    if (!is_valid(name))
        return fail(e, EINVAL,
                    "Invalid container name (%.200s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                    name);
    snprintf(path, sizeof(path), "names/%s", name);
    if (symlinkat(id, engine->root, path) == 0)
        return 0;
    if (errno != EEXIST)
        return fail_errno(e, "name %s", name);
    if (is_left_over(engine, name)) {
        unlinkat(engine->root, path, 0);
        if (symlinkat(id, engine->root, path) == 0)
            return 0;
    }
    name_lookup(engine, name, owner);
    return fail(e, EEXIST,
                "Conflict. The container name \"/%s\" is already in use by container \"%s\". You "
                "have to remove (or rename) that container to be able to reuse that name.",
                name, owner);
}

const char *name_claim_any(const struct engine *engine, struct arena *arena, const char *id,
                           struct error *e)
{
    for (int attempt = 0; attempt < 64; attempt++) {
        unsigned char dice[3];
        if (getrandom(dice, sizeof(dice), 0) != sizeof(dice))
            continue;
        const char *name =
            arena_printf(arena, "%s_%s", manners[dice[0] % 64], people[dice[1] % 64]);
        if (attempt > 8)
            name = arena_printf(arena, "%s%d", name, dice[2]);
        e->code = 0;
        if (name_claim(engine, name, id, e) == 0)
            return name;
        if (e->code != EEXIST)
            return NULL;
    }
    return NULL;
}

void name_release(const struct engine *engine, const char *name, const char *id)
{
    char path[300], owner[ENGINE_ID_SIZE];
    if (!name_lookup(engine, name, owner) || strcmp(owner, id) != 0)
        return;
    snprintf(path, sizeof(path), "names/%s", name);
    unlinkat(engine->root, path, 0);
}
