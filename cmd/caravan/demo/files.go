package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"path"

	"github.com/valyala/fasthttp"
)

//go:embed static
var static embed.FS

// contentTypes of the embedded files; a file of another kind does not start.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// file is a body that never changes, with the tag that says so.
type file struct {
	body        []byte
	contentType string
	etag        string
}

func newFile(body []byte, contentType string) *file {
	sum := sha256.Sum256(body)
	return &file{body, contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// readFiles maps request paths to the embedded files: static/index.html is /,
// static/NAME is /demo/NAME.
func readFiles() map[string]*file {
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		panic("demo: the embedded files cannot be listed: " + err.Error())
	}
	files := make(map[string]*file, len(entries))
	for _, e := range entries {
		body, err := fs.ReadFile(static, "static/"+e.Name())
		if err != nil {
			panic("demo: an embedded file cannot be read: " + err.Error())
		}
		contentType, ok := contentTypes[path.Ext(e.Name())]
		if !ok {
			panic("demo: no content type for " + e.Name())
		}
		at := "/demo/" + e.Name()
		if e.Name() == "index.html" {
			at = "/"
		}
		files[at] = newFile(body, contentType)
	}
	return files
}

// serve answers with the file, or with 304 where the client already has it.
// no-cache: kept, but asked for each time, because the names do not change
// with the content.
func (f *file) serve(ctx *fasthttp.RequestCtx) {
	if bytes.Contains(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch), []byte(f.etag)) {
		ctx.NotModified()
	} else {
		ctx.SetContentType(f.contentType)
		ctx.SetBody(f.body)
	}
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
	ctx.Response.Header.Set(fasthttp.HeaderETag, f.etag)
}
