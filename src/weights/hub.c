#include "weights/hub.h"

#include "base/alloc.h"
#include "base/json.h"

#include <string.h>

#define MAX_CONFIG (1u << 20) // bytes of a configuration or a revision's name
#define MAX_INDEX (16u << 20) // bytes; a CLIP's index has under 100 kB
#define MAX_SHARDS 200
#define MAX_DEPTH 16

// ---- folders

// In the order preferred: safetensors before pickles, open_clip's names before Hugging Face's.
static const char *const file_names[] = {
    "open_clip_model.safetensors",  "model.safetensors",
    "model.safetensors.index.json", "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",  "pytorch_model.bin",
    "pytorch_model.bin.index.json",
};

static const char *const file_suffixes[] = {".safetensors", ".pt", ".pth", ".bin", ".ckpt"};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

// One of the known names in `dir`; *file stays NULL when there is none.
static enum wc_err find_known(const char *dir, char **file, struct wc_error *err) {
    for (size_t i = 0; i < COUNT(file_names); i++) {
        char *path = NULL;
        WC_TRY(wc_path_in(dir, file_names[i], &path, err));
        if (wc_io_is_file(path)) {
            *file = path;
            return WC_OK;
        }
        wc_free(path);
    }
    return WC_OK;
}

// The only file with a weight file's suffix in `dir`; *file stays NULL when there is none or
// several.
static enum wc_err find_only(const char *dir, char **file, struct wc_error *err) {
    struct wc_strlist names = {0};
    size_t n_found = 0, i_found = 0;
    WC_TRY(wc_io_list(dir, false, &names, err));
    for (size_t i = 0; i < names.n; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT(file_suffixes); k++)
            found |= wc_str_ends_nocase(names.item[i], file_suffixes[k]);
        n_found += found;
        i_found = found ? i : i_found;
    }
    char *path = NULL;
    enum wc_err rc = n_found == 1 ? wc_path_in(dir, names.item[i_found], &path, err) : WC_OK;
    wc_strlist_release(&names);
    if (path && wc_io_is_file(path))
        *file = path;
    else
        wc_free(path);
    return rc;
}

static enum wc_err find_in_folder(const char *dir, char **file, struct wc_error *err) {
    char *found = NULL;
    WC_TRY(find_known(dir, &found, err));
    if (!found)
        WC_TRY(find_only(dir, &found, err));
    if (!found)
        return WC_FAULT(err, WC_ERR_DATA, "not-a-file",
                        "%s: a folder without a weight file; give a file, or a folder that holds "
                        "%s, %s or the like",
                        dir, file_names[1], file_names[4]);
    *file = found;
    return WC_OK;
}

// The revision that refs/main names, if it is a plain name; *revision is NULL otherwise.
static enum wc_err read_main_ref(const char *dir, char **revision, struct wc_error *err) {
    char *path = NULL;
    unsigned char *bytes = NULL;
    size_t n = 0;
    *revision = NULL;
    WC_TRY(wc_path_in(dir, "refs/main", &path, err));
    enum wc_err rc =
        wc_io_is_file(path) ? wc_io_read_file(path, MAX_CONFIG, &bytes, &n, err) : WC_OK;
    wc_free(path);
    WC_TRY(rc);
    size_t n_name = 0;
    while (n_name < n && strchr("0123456789abcdef", bytes[n_name]) && bytes[n_name])
        n_name++; // a commit's hash
    bool good = n_name > 0 && (n_name == n || bytes[n_name] == '\n' || bytes[n_name] == '\r');
    *revision = good ? wc_strndup((const char *)bytes, n_name) : NULL;
    wc_free(bytes);
    return good && !*revision ? WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory", dir) : WC_OK;
}

// A hub cache's folder: the snapshot that refs/main names, else the only one.
static enum wc_err find_in_snapshots(const char *dir, const char *snapshots, char **file,
                                     struct wc_error *err) {
    char *revision = NULL, *folder = NULL;
    struct wc_strlist names = {0};
    WC_TRY(read_main_ref(dir, &revision, err));
    enum wc_err rc = wc_io_list(snapshots, false, &names, err);
    const char *chosen = NULL;
    if (rc == WC_OK && revision && wc_strlist_has(&names, revision))
        chosen = revision;
    else if (rc == WC_OK && names.n == 1)
        chosen = names.item[0];
    else if (rc == WC_OK)
        rc =
            WC_FAULT(err, WC_ERR_DATA, "not-a-file",
                     "%s: %zu snapshots, and refs/main names none of them; give one of the folders "
                     "in it",
                     snapshots, names.n);
    if (chosen)
        rc = wc_path_in(snapshots, chosen, &folder, err);
    if (folder)
        rc = find_in_folder(folder, file, err);
    wc_free(folder);
    wc_free(revision);
    wc_strlist_release(&names);
    return rc;
}

enum wc_err wc_hub_resolve(const char *path, char **file, struct wc_error *err) {
    if (strcmp(path, WC_WEIGHTS_DEMO) == 0 || !wc_io_is_dir(path)) {
        *file = wc_strdup(path);
        return *file ? WC_OK : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for its name", path);
    }
    char *snapshots = NULL;
    WC_TRY(wc_path_in(path, "snapshots", &snapshots, err));
    enum wc_err rc = wc_io_is_dir(snapshots) ? find_in_snapshots(path, snapshots, file, err)
                                             : find_in_folder(path, file, err);
    wc_free(snapshots);
    return rc;
}

// ---- shards

bool wc_hub_index_sniff(const struct wc_sniff *s) {
    size_t at = 0;
    while (at < s->n && at < 64 && s->data[at] && strchr(" \t\r\n", s->data[at]))
        at++;
    if (at >= s->n || s->data[at] != '{')
        return false;
    // The length of a safetensors header may look like a brace; no text has a NUL after it.
    return !memchr(s->data, 0, s->n < 8 ? s->n : 8);
}

static bool is_plain_name(const char *name) {
    return name[0] && name[0] != '.' && !strpbrk(name, "/\\:");
}

// The file names of the map, each once.
static enum wc_err list_shards(const char *path, const struct wc_json *map,
                               struct wc_strlist *shards, struct wc_error *err) {
    for (const struct wc_json *m = map->child; m; m = m->next) {
        const char *name = wc_json_str(m);
        if (!name || strlen(m->key) != m->n_key)
            return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                            "%s: weight_map \"%s\": a tensor's name and its file's are needed",
                            path, m->key);
        if (!is_plain_name(name))
            return WC_FAULT(err, WC_ERR_DATA, "bad-entry-name",
                            "%s: weight_map \"%s\": file \"%.200s\" is not beside the index; do "
                            "not trust this file",
                            path, m->key, name);
        if (shards->n > 0 && strcmp(shards->item[shards->n - 1], name) == 0)
            continue; // mostly sorted: the usual repetition costs nothing
        if (wc_strlist_has(shards, name))
            continue;
        if (shards->n == MAX_SHARDS)
            return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: more than %d shards", path,
                            MAX_SHARDS);
        WC_TRY(wc_strlist_add(shards, name, err));
    }
    if (shards->n == 0)
        return WC_FAULT(err, WC_ERR_DATA, "missing-tensor", "%s: weight_map is empty", path);
    return WC_OK;
}

static enum wc_err open_shard(struct wc_weights *w, const char *index, const char *dir,
                              const char *name, struct wc_error *err) {
    char *path = NULL;
    WC_TRY(wc_path_in(dir, name, &path, err));
    enum wc_err rc =
        wc_io_exists(path)
            ? wc_format_open_file(w, path, err)
            : WC_FAULT(err, WC_ERR_DATA, "missing-shard",
                       "%s: shard %s is not beside it; the download is not complete", index, path);
    wc_free(path);
    return rc;
}

static enum wc_err open_shards(struct wc_weights *w, const char *path, const struct wc_json *map,
                               struct wc_error *err) {
    struct wc_strlist shards = {0};
    char *dir = wc_path_dir(path);
    enum wc_err rc = dir ? list_shards(path, map, &shards, err)
                         : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for its folder", path);
    for (size_t i = 0; i < shards.n && rc == WC_OK; i++)
        rc = open_shard(w, path, dir, shards.item[i], err);
    wc_free(dir);
    wc_strlist_release(&shards);
    WC_TRY(rc);
    WC_TRY(wc_set_sort(w, err));
    for (const struct wc_json *m = map->child; m; m = m->next)
        if (!wc_weights_find(w, m->key))
            return WC_FAULT(err, WC_ERR_DATA, "missing-tensor",
                            "%s: tensor \"%s\" is in none of its shards, \"%s\" should hold it",
                            path, m->key, m->text);
    return WC_OK;
}

static enum wc_err open_index(struct wc_weights *w, const char *path, const struct wc_json *root,
                              struct wc_error *err) {
    const struct wc_json *map = wc_json_get(root, "weight_map");
    if (map && map->type == WC_JSON_OBJECT)
        return open_shards(w, path, map, err);
    if (wc_str_ends_nocase(path, ".index.json"))
        return WC_FAULT(err, WC_ERR_DATA, "bad-header",
                        "%s: an index of shards without a weight_map from tensors to files", path);
    return WC_FAULT(err, WC_ERR_DATA, "unknown-format",
                    "%s: this is a JSON text, not a weight file; was a server's error answer saved "
                    "in its place, or a configuration given instead of the weights?",
                    path);
}

enum wc_err wc_hub_index_open(struct wc_weights *w, const char *path, const struct wc_map *map,
                              struct wc_error *err) {
    struct wc_json_doc *doc = NULL;
    struct wc_error why = {.code = WC_OK};
    if (w->n_maps > 1)
        return WC_FAULT(err, WC_ERR_DATA, "bad-header", "%s: an index among the shards of an index",
                        path);
    if (map->n_bytes > MAX_INDEX)
        return WC_FAULT(err, WC_ERR_DATA, "unknown-format",
                        "%s: a JSON text of %zu bytes; an index of shards has fewer than %u", path,
                        map->n_bytes, MAX_INDEX);
    enum wc_err rc =
        wc_json_parse(path, (const char *)map->data, map->n_bytes, MAX_DEPTH, &doc, &why);
    if (rc == WC_ERR_NOMEM)
        return wc_fail(err, rc, why.fault, "%s", why.text);
    if (rc != WC_OK) {
        bool twice = why.fault && strcmp(why.fault, "json-duplicate-key") == 0;
        bool index = wc_str_ends_nocase(path, ".index.json");
        return WC_FAULT(err, WC_ERR_DATA,
                        !index  ? "unknown-format"
                        : twice ? "duplicate-key"
                                : "bad-header",
                        "%s (an index of shards, or no weight file)", why.text);
    }
    rc = open_index(w, path, wc_json_root(doc), err);
    wc_json_free(&doc);
    return rc;
}

// ---- configuration

// Is it a CLIP's configuration (open_clip's, with or without model_cfg around it, or Hugging
// Face's)?
static enum wc_err is_config(const char *text, size_t n, bool *found, struct wc_error *err) {
    static const char *const keys[] = {"model_cfg", "vision_cfg", "vision_config"};
    struct wc_json_doc *doc = NULL;
    struct wc_error why = {.code = WC_OK};
    *found = false;
    enum wc_err rc = wc_json_parse("config", text, n, MAX_DEPTH, &doc, &why);
    if (rc == WC_ERR_NOMEM)
        return WC_FAIL(err, rc, "%s", why.text);
    if (rc != WC_OK)
        return WC_OK; // what is no JSON is no configuration
    for (size_t i = 0; i < COUNT(keys); i++)
        *found |= wc_json_get(wc_json_root(doc), keys[i]) != NULL;
    wc_json_free(&doc);
    return WC_OK;
}

// Takes dir/name as the configuration when it is one.
static enum wc_err try_config(struct wc_weights *w, const char *dir, const char *name,
                              struct wc_error *err) {
    char *path = NULL;
    unsigned char *bytes = NULL;
    size_t n = 0;
    WC_TRY(wc_path_in(dir, name, &path, err));
    // What is no configuration is as good as absent. One that the system fails to read is not: the
    // activation may hang on it.
    struct wc_error why = {.code = WC_OK};
    enum wc_err rc = WC_ERR_DATA;
    bool found = false;
    if (wc_io_is_file(path))
        rc = wc_io_read_file(path, MAX_CONFIG, &bytes, &n, &why);
    if (rc == WC_OK && strlen((char *)bytes) == n)
        rc = is_config((char *)bytes, n, &found, &why);
    if (found) {
        w->config_json = wc_strndup((char *)bytes, n);
        w->config_path = path;
        path = NULL;
    }
    wc_free(bytes);
    wc_free(path);
    if (rc == WC_ERR_NOMEM || rc == WC_ERR_IO)
        return WC_FAIL(err, rc, "%s (beside the weights)", why.text);
    return w->config_path && !w->config_json
               ? WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for its text", w->config_path)
               : WC_OK;
}

static enum wc_err search_config(struct wc_weights *w, const char *dir, const char *stem,
                                 struct wc_error *err) {
    bool hf = strcmp(w->origin, "huggingface") == 0;
    const char *const names[] = {stem, hf ? "config.json" : "open_clip_config.json",
                                 hf ? "open_clip_config.json" : "config.json", "model.json"};
    for (size_t i = 0; i < COUNT(names) && !w->config_json; i++)
        WC_TRY(try_config(w, dir, names[i], err));
    return WC_OK;
}

enum wc_err wc_hub_find_config(struct wc_weights *w, const char *file, struct wc_error *err) {
    const char *meta = wc_weights_meta(w, "open_clip_config");
    bool found = false;
    if (meta)
        WC_TRY(is_config(meta, strlen(meta), &found, err));
    if (found) {
        w->config_json = wc_strdup(meta);
        return w->config_json ? WC_OK
                              : WC_FAIL(err, WC_ERR_NOMEM,
                                        "%s: out of memory for its "
                                        "configuration",
                                        file);
    }
    const char *base = wc_path_base(file), *dot = strrchr(base, '.');
    int n_stem = (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base));
    char *dir = wc_path_dir(file), *stem = wc_sprintf("%.*s.json", n_stem, base);
    enum wc_err rc = dir && stem
                         ? search_config(w, dir, stem, err)
                         : WC_FAIL(err, WC_ERR_NOMEM, "%s: out of memory for its folder", file);
    wc_free(dir);
    wc_free(stem);
    return rc;
}
