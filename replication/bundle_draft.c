#include "replication/bundle_draft.h"

#include <assert.h>
#include <string.h>

void bundle_draft_init(struct bundle_draft *self, void *memory)
{
    *self = (struct bundle_draft){.list = (char *)memory + BUNDLE_DRAFT_NAMES_SIZE};
    arena_init(&self->arena, memory, BUNDLE_DRAFT_NAMES_SIZE);
    bool fits = seen_init(&self->names, BUNDLE_FILES_MAX, &self->arena);
    assert(fits);
    self->size = bundle_begin(self->list);
}

bool bundle_draft_add(struct bundle_draft *self, const struct bundle_file *file)
{
    size_t name_size = strlen(file->name);
    if (name_size > 0 && seen_find(&self->names, file->name, name_size) != NULL)
        return false;
    if (!bundle_name_is_valid(file->name) || file->size > HISTORY_FILE_SIZE_MAX ||
        self->names.count == BUNDLE_FILES_MAX ||
        self->size + BUNDLE_LINE_MAX + 1 > BUNDLE_LIST_SIZE_MAX)
        self->is_full = true;
    if (self->is_full)
        return false;
    self->size += bundle_line(self->list + self->size, file);
    struct seen_word word = {.bytes = self->list + self->size - 1 - name_size, .size = name_size};
    seen_add(&self->names, &word);
    return true;
}
